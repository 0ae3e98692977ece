"""Journals: kept, replayed, refused; and the generic verb."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import offers

import tamias
from tamias import Kernel, TaskSpec, journal

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "conformance"


def fill(path: Path) -> tuple[int, str]:
    """A journal with some commands; their number and the hash after them."""
    with Kernel(journal=path) as kernel:
        driver = kernel.agent_driver()
        driver.register("cpus:4", name="m1")
        framework = kernel.subscribe(roles=["dev"], name="f")
        framework.launch(offers(framework), TaskSpec("t", "cpus:1"))
        assert kernel.durable_seq is not None
        kernel.flush()
        assert kernel.durable_seq == kernel.seq
        return kernel.seq, kernel.state_hash()


def test_a_replay_comes_to_the_same_state(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    seq, state_hash = fill(path)
    replayed = journal.replay(path)
    assert (replayed.seq, replayed.state_hash) == (seq, state_hash)
    assert (replayed.agents, replayed.frameworks, replayed.tasks) == (1, 1, 1)
    assert (replayed.epoch, replayed.warnings) == (1, ())
    lines = [json.loads(line) for line in journal.lines(path)]
    assert lines[0]["journal"] == "opened"
    commands = [line["do"] for line in lines if "do" in line]
    assert commands[:3] == ["open_session", "register_agent", "tick"]
    with_events = [json.loads(line) for line in journal.lines(str(path), events=True)]
    assert {"offer", "launch"} <= {line.get("event") for line in with_events}


def test_a_kernel_goes_on_from_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    seq, _ = fill(path)
    with Kernel({"offer_timeout_seconds": 5}, journal=path, durability="sync") as kernel:
        assert kernel.seq > seq
        assert "options" in kernel.warnings[0]
        framework = kernel.subscribe(roles=["dev"], name="f")
        assert framework.is_resubscribed
        kernel.compact()
    assert journal.replay(path).tasks == 1
    assert Kernel().warnings == ()
    assert Kernel().durable_seq is None


def test_a_journal_has_one_owner(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Kernel(journal=path) as kernel:
        framework = kernel.subscribe(roles=["dev"])
        with pytest.raises(tamias.BusyError) as error:
            Kernel(journal=path)
        assert error.value.code is tamias.Code.JOURNAL_LOCKED
    assert framework.closed, "the handle is still there, and no obstacle"
    Kernel(journal=path).close()


def test_damage_is_named_and_torn_ends_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert "incomplete" in journal.replay(path).warnings[0]
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    with pytest.raises(tamias.CorruptError, match=r"offset|byte"):
        journal.replay(path)
    with pytest.raises(tamias.CorruptError):
        list(journal.lines(path))
    with pytest.raises(tamias.CorruptError):
        Kernel(journal=path)


@pytest.mark.parametrize(("durability", "field"), [("sync", "durability"), ("often", "durability")])
def test_a_durability_that_means_nothing(durability: str, field: str) -> None:
    with pytest.raises(tamias.InvalidArgumentError) as error:
        Kernel(durability=durability)  # type: ignore[arg-type]
    assert error.value.field == field


def test_the_generic_verb() -> None:
    with Kernel.from_json('{"clock": "manual"}') as kernel:
        framework = kernel.subscribe(roles=["dev"])
        out = kernel.command('{"do": "revive", "roles": ["dev"]}', session=framework.session)
        assert json.loads(out.splitlines()[0])["reply"] == "done"
        assert kernel.command("# nothing") == ""
        before = kernel.state_hash()
        for line, code, field in [
            ('{"do": "rewive"}', tamias.Code.UNKNOWN_COMMAND, "do"),
            ("{", tamias.Code.MALFORMED, ""),
            ('{"do": "revive", "roles": [1]}', tamias.Code.MALFORMED, "roles[0]"),
            ('{"do": "revive", "role": "x"}', tamias.Code.MALFORMED, "role"),
        ]:
            with pytest.raises(tamias.InvalidArgumentError) as error:
                kernel.command(line, session=framework.session)
            assert (error.value.code, error.value.field) == (code, field)
        with pytest.raises(tamias.InvalidArgumentError, match="not UTF-8"):
            kernel.command("\udc80")
        with pytest.raises(tamias.InvalidArgumentError, match="session"):
            kernel.command("{}", session=tamias.SessionId("o0.1"))
        assert kernel.state_hash() == before
    with pytest.raises(tamias.InvalidArgumentError):
        Kernel.from_json('{"clok": "manual"}')


@pytest.mark.timeout(300)
def test_scripts_print_what_rust_prints(capfd: pytest.CaptureFixture[str]) -> None:
    from tamias import conformance

    assert conformance.main(SCRIPTS) == 0
    own = capfd.readouterr().out
    assert own.count("\nhash ") + own.startswith("hash ") == len(list(SCRIPTS.glob("*.jsonl")))
    cargo = shutil.which("cargo")
    assert cargo is not None, "cargo is needed to compare with Rust"
    rust = subprocess.run(
        [cargo, "run", "--quiet", "--package", "xtask", "--", "conformance", "--trace", SCRIPTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert own == rust.stdout


def test_a_script_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tamias import conformance

    (tmp_path / "a.jsonl").write_text('# x\n\n{"script":"a"}\n{"do":"nothing"}\n')
    (tmp_path / "b.jsonl").write_text('{"script":"b"}\n')
    (tmp_path / "c.jsonl").write_text("")
    assert conformance.main(tmp_path) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("hash ")
    assert f"{tmp_path / 'a.jsonl'}:4: do: there is no command" in printed.err
    assert "no line opens a kernel" in printed.err
