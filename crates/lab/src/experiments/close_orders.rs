//! Who closes when, and what that makes of the ACK between the two FINs.

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::{App, Socket};
use limpid_event::Error;
use limpid_wire::Endpoint;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "close-orders",
    summary: "the ACK of a FIN rides on the other FIN, or stands alone",
    look_for: &[
        "Closes at once: the server's FIN carries the ACK of the client's FIN. Three segments.",
        "Closes later: the delayed ACK is due before the server's FIN is there. Four segments. (The delay is a tick as long",
        "as nothing was received; after the first data it is 40 ms. Linux has it so, and we too.)",
        "After data: the data is acknowledged at once (quick ACK), the FIN is not: its ACK still rides on the other FIN.",
        "Server first: the same three segments turned round, and TIME-WAIT is now the server's.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

/// One order of closing.
#[derive(Clone, Copy)]
struct Order {
    title: &'static str,
    /// The client sends this before it closes.
    data: &'static [u8],
    /// How long the server takes to close, once it has read the end of the stream.
    server_takes: Duration,
    server_first: bool,
    story: &'static [&'static str],
}

const AT_ONCE: Order = Order {
    title: "the server closes at once: the ACK rides on its FIN",
    data: b"",
    server_takes: Duration::ZERO,
    server_first: false,
    story: &["client F.", "server F.", "client ."],
};

const ORDERS: [Order; 4] = [
    AT_ONCE,
    Order {
        title: "the server closes 200 ms later: the delayed ACK stands alone",
        server_takes: Duration::from_millis(200),
        story: &["client F.", "server .", "server F.", "client ."],
        ..AT_ONCE
    },
    Order {
        title: "the client's last words come just before its FIN: they are acknowledged at once, the FIN is not",
        data: b"bye\n",
        story: &["client P. 4", "client F.", "server .", "server F.", "client ."],
        ..AT_ONCE
    },
    Order {
        title: "the server closes first: TIME-WAIT is the server's",
        server_first: true,
        story: &["server F.", "client F.", "server ."],
        ..AT_ONCE
    },
];

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    ORDERS.iter().map(|order| run_one(settings, *order)).collect()
}

fn run_one(settings: &Settings, order: Order) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(6379);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        if order.server_first { close_first(app, socket).await } else { close_second(app, socket, order).await }
    });
    let client = scene.client(move |app| client(app, to, order));
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("the server", server.take(), order.data.len());
    let mut story = vec!["client S", "server S.", "client ."];
    story.extend(order.story);
    ended.expect_story(&story);
    Ok(ended.run(order.title))
}

async fn client(app: App, to: Endpoint, order: Order) -> Result<(), Error> {
    let socket = app.connect(to).await?;
    if order.server_first {
        socket.read(&mut [0; 16]).await?;
        app.remark("read returned 0: the server has finished");
    } else {
        app.sleep(Duration::from_millis(500)).await;
        socket.write_all(order.data).await?;
    }
    socket.close();
    Ok(())
}

async fn close_first(app: App, socket: Socket) -> Result<usize, Error> {
    app.sleep(Duration::from_millis(500)).await;
    socket.close();
    Ok(0)
}

async fn close_second(app: App, socket: Socket, order: Order) -> Result<usize, Error> {
    let data = socket.read_to_end().await?;
    app.remark("read returned 0: the client has finished");
    if !order.server_takes.is_zero() {
        app.sleep(order.server_takes).await;
    }
    socket.close();
    Ok(data.len())
}
