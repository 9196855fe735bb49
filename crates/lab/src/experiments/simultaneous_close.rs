//! Two FINs cross (RFC 9293 §3.6, figure 13).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use limpid_event::{Error, Instant};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "simultaneous-close",
    summary: "two FINs cross, and both sides end in TIME-WAIT",
    look_for: &[
        "Each FIN finds its receiver in FIN-WAIT-1, not established: that is the state CLOSING.",
        "Each FIN is acknowledged on its own. Four segments, none of them merged.",
        "Both sides closed first, so both wait in TIME-WAIT.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let at = Instant::from_millis(500);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        app.sleep(at.since(app.now())).await;
        socket.close();
        Ok::<_, Error>(())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        app.sleep(at.since(app.now())).await;
        socket.close();
        Ok::<_, Error>(())
    });
    let real = scene.is_real();
    let mut ended = scene.play_to_the_end()?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("the server", server.take(), ());
    if !real {
        ended.expect_story(&["client S", "server S.", "client .", "client F.", "server F.", "client .", "server ."]);
    }
    let fins = ended.story.count_flags(limpid_wire::TcpFlags::FIN);
    ended.expect(fins == 2 && ended.story.0.len() == 7, "the FINs did not cross");
    Ok(vec![ended.run("")])
}
