use super::*;
use alloc::string::ToString;
use alloc::vec;

mod second;

/// TCP over IPv4 on Ethernet, from or to port 80, as `tcpdump -d 'ip and tcp port 80'` prints it.
fn port_80() -> Program {
    let branch =
        |condition, k, then, otherwise| Instruction::Branch { condition, operand: Operand::K(k), then, otherwise };
    Program::new(vec![
        Instruction::Load(Size::Half, 12),
        branch(Condition::Equal, 0x800, 0, 10),
        Instruction::Load(Size::Byte, 23),
        branch(Condition::Equal, 6, 0, 8),
        Instruction::Load(Size::Half, 20),
        branch(Condition::AnyBit, 0x1fff, 6, 0),
        Instruction::LoadXHeaderLength(14),
        Instruction::LoadIndexed(Size::Half, 14),
        branch(Condition::Equal, 80, 2, 0),
        Instruction::LoadIndexed(Size::Half, 16),
        branch(Condition::Equal, 80, 0, 1),
        Instruction::Return(262_144),
        Instruction::Return(0),
    ])
    .expect("a program")
}

#[test]
fn prints_as_tcpdump_does() {
    let text = "\
(000) ldh      [12]
(001) jeq      #0x800           jt 2\tjf 12
(002) ldb      [23]
(003) jeq      #0x6             jt 4\tjf 12
(004) ldh      [20]
(005) jset     #0x1fff          jt 12\tjf 6
(006) ldxb     4*([14]&0xf)
(007) ldh      [x + 14]
(008) jeq      #0x50            jt 11\tjf 9
(009) ldh      [x + 16]
(010) jeq      #0x50            jt 11\tjf 12
(011) ret      #262144
(012) ret      #0";
    assert_eq!(port_80().to_string(), text);
}

#[test]
fn chooses_packets_and_refuses_what_is_cut_off() {
    let mut packet = [0; 60];
    packet[12] = 8;
    packet[14] = 0x46;
    packet[23] = 6;
    packet[14 + 24 + 3] = 80;
    assert_eq!(port_80().run(&packet, 60), 262_144);
    assert_eq!(port_80().run(&packet[..41], 60), 0, "the port is cut off");
    packet[41] = 81;
    assert_eq!(port_80().run(&packet, 60), 0);
}

#[test]
fn encoding_goes_both_ways() {
    let program = port_80();
    let encoded: Vec<Encoded> = program.encoded().collect();
    assert_eq!(encoded[5], Encoded { code: 0x45, jt: 6, jf: 0, k: 0x1fff });
    assert_eq!(Program::decode(&encoded), Ok(program));
    for code in 0..=u16::MAX {
        let one = Encoded { code, jt: 0, jf: 0, k: 1 };
        let Ok(program) = Program::decode(&[one, Encoded { code: 6, ..Encoded::default() }]) else { continue };
        assert_eq!(program.encoded().next().map(|e| e.code), Some(code), "{code:#x}");
    }
}

#[test]
fn what_could_go_wrong_at_run_time_is_no_program() {
    let end = Instruction::Return(0);
    let load = Instruction::Load(Size::Byte, 0);
    assert_eq!(Program::new(vec![]), Err(ProgramError::Empty));
    assert_eq!(Program::new(vec![load]), Err(ProgramError::NoReturn));
    assert_eq!(Program::new(vec![Instruction::Jump(1), end]), Err(ProgramError::JumpsOut(0)));
    assert_eq!(Program::new(vec![Instruction::Jump(u32::MAX), end]), Err(ProgramError::JumpsOut(0)));
    assert_eq!(Program::new(vec![Instruction::Store(16), end]), Err(ProgramError::Memory(0)));
    let by_zero = Instruction::Calculate(Alu::Mod, Operand::K(0));
    assert_eq!(Program::new(vec![by_zero, end]), Err(ProgramError::DividesByZero(0)));
    assert_eq!(Program::new(vec![end; 4097]), Err(ProgramError::TooLong(4097)));
    let unknown = Encoded { code: 0xffff, ..Encoded::default() };
    assert_eq!(Program::decode(&[unknown]), Err(ProgramError::Unknown(0, 0xffff)));
}

#[test]
fn dividing_by_nothing_refuses() {
    let divide = Instruction::Calculate(Alu::Div, Operand::X);
    let program = Program::new(vec![divide, Instruction::Return(1)]).expect("a program");
    assert_eq!(program.run(&[], 0), 0);
}

#[test]
fn an_index_beyond_all_memory_refuses() {
    let program =
        [Instruction::LoadXImmediate(u32::MAX), Instruction::LoadIndexed(Size::Byte, 2), Instruction::Return(1)];
    assert_eq!(Program::new(program.to_vec()).expect("a program").run(&[1; 64], 64), 0);
}

/// Numbers that are the same in every run (xorshift64).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn any_program_ends() {
    // The codes that there are, so that most instructions exist.
    let exists = |code: &u16| {
        let one = Encoded { code: *code, jt: 0, jf: 0, k: 1 };
        let end = Encoded { code: 6, ..Encoded::default() };
        Program::decode(&[one, end, end]).is_ok()
    };
    let codes: alloc::vec::Vec<u16> = (0..=0xff).filter(exists).collect();
    assert!(codes.len() > 40, "{codes:x?}");
    let (mut state, mut programs, mut answers) = (7, 0, 0);
    let packet: [u8; 64] = core::array::from_fn(|at| 0x45 + at as u8);
    for _ in 0..20_000 {
        let length = 1 + random(&mut state) % 12;
        let mut encoded: alloc::vec::Vec<Encoded> = (0..length)
            .map(|_| Encoded {
                code: codes[random(&mut state) as usize % codes.len()],
                jt: (random(&mut state) % 4) as u8,
                jf: (random(&mut state) % 4) as u8,
                k: if random(&mut state).is_multiple_of(4) {
                    random(&mut state) as u32
                } else {
                    random(&mut state) as u32 % 16
                },
            })
            .collect();
        encoded.push(Encoded { code: 0x16, ..Encoded::default() });
        let Ok(program) = Program::decode(&encoded) else { continue };
        programs += 1;
        let numbers: alloc::vec::Vec<second::Numbers> = encoded.iter().map(|e| (e.code, e.jt, e.jf, e.k)).collect();
        for _ in 0..4 {
            let packet = &packet[..random(&mut state) as usize % 64];
            let answer = program.run(packet, 1500);
            assert_eq!(answer, second::run(&numbers, packet, 1500), "{program} on {packet:x?}");
            answers += usize::from(answer != 0);
        }
        let again: alloc::vec::Vec<Encoded> = program.encoded().collect();
        assert_eq!(Program::decode(&again), Ok(program));
    }
    assert!(programs > 1000 && answers > 1000, "{programs} were programs, {answers} answers were not 0");
}
