"""The real decK against the double of the Admin API, in both dialects."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from kong_lts.adapters import BackupFolders, DeckCli, LocalProcessRunner
from kong_lts.backup import BackUpDeclarative, CompareDeclarative
from kong_lts.declarative import convert
from kong_lts.declarative.state_entities import entities_of
from kong_lts.deployment import Side
from kong_lts.errors import DeckError
from kong_lts.state_files import DeckAbility, DumpedFile
from kong_lts.testing.admin_api import KongAdminApi
from kong_lts.testing.admin_enterprise import Enterprise
from kong_lts.testing.admin_entities import kinds
from kong_lts.testing.admin_store import message
from kong_lts.testing.fakes import fake_adapters
from kong_lts.versions import Edition, Release
from tests.adapters.servers import NOBODY, Received, Reply, Server, serving
from tests.contracts.deck import DeckContract, Gateway
from tests.worlds import NO_PAST, a_world, rules

MARKER = "s3cr3t-marker"
CONSUMER = {"id": "9da72f07-dabd-4c19-80e7-1357127f0bef", "username": "user0"}
HASH = "02b153edd34d0703487d7e5c4cc26a34cfd3c5dd"
Serve = Callable[[Callable[[Received], Reply]], Server]
Start = Callable[..., KongAdminApi]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


@pytest.fixture
def start() -> Iterator[Start]:
    """A double, with a few entities unless told otherwise."""
    with ExitStack() as stack:

        def started(release: str = "2.8", *, filled: bool = True, **given: Any) -> KongAdminApi:
            api = stack.enter_context(KongAdminApi(release=Release(release), **given))
            if filled:
                _fill(api)
            return api

        yield started


def _fill(api: KongAdminApi, workspace: str = "default") -> None:
    prefix = "" if workspace == "default" else f"/{workspace}"
    regex = "/orders/\\d+" if api.release is Release.V2_8 else "~/orders/\\d+"
    put(api, f"{prefix}/services/orders", {"host": "127.0.0.1"})
    put(api, f"{prefix}/consumers/user0", {"id": CONSUMER["id"]})
    put(api, f"{prefix}/consumers/user0/key-auth/{key_id(1)}", {"key": "the-key-of-user0"})
    service = {"name": "orders", "id": api.rows("services", workspace=workspace)[0]["id"]}
    for name, path, tags in (("one", "/one", ["one"]), ("two", regex, ["two"]), ("rest", "/r", [])):
        route = {"name": name, "paths": [path], "tags": tags, "service": service}
        put(api, f"{prefix}/routes/{name}", route)
    api.load("basicauth_credentials", [_basic_auth()], workspace=workspace)


def put(api: KongAdminApi, path: str, entity: Mapping[str, Any]) -> None:
    answer = api.answer("PUT", path, {}, json.dumps(entity).encode())
    assert answer.status == 200, answer


def key_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def _basic_auth() -> dict[str, object]:
    """As it is stored: the password is a hash."""
    return {
        "id": key_id(2), "username": "user0", "password": HASH, "tags": None, "created_at": 1,
        "consumer": {"id": CONSUMER["id"]},
    }  # fmt: skip


def recorded(api: KongAdminApi, path: Path) -> None:
    """Fill a double with everything that decK read of a real one."""
    tables = {kind.path: kind.table for kind in kinds(api.release).values()}
    for one in map(json.loads, path.read_text("utf-8").splitlines()):
        if (table := tables.get(one["path"].rpartition("/")[2])) and one["status"] == 200:
            api.load(table, one["response_body"]["data"])


@pytest.mark.parametrize("release", ["2.8", "3.4"])
class TestDeckCli(DeckContract):
    @pytest.fixture
    def gateway(self, deck: Path, start: Start, release: str) -> Gateway:
        api = start(release)

        def lose_a_route() -> None:
            assert api.answer("DELETE", "/routes/rest", {}, b"").status == 204

        return Gateway(DeckCli.local(api.url, program=str(deck)), lose_a_route, api.stop)


@pytest.mark.parametrize(("release", "server"), [("2.8", "28"), ("3.4", "34")])
def test_a_dump_is_that_of_the_real_gateway(
    deck: Path, start: Start, reference: Path, tmp_path: Path, release: str, server: str
) -> None:
    folder = reference / "reference/kong/deck"
    runs = map(json.loads, (folder / "runs.jsonl").read_text("utf-8").splitlines())
    real = next(
        run for run in runs
        if (run["label"], run["deck"], run["server"]) == ("dump-with-id", "1.55", server)
    )  # fmt: skip
    api = start(release, filled=False)
    recorded(api, folder / f"http/{server}-deck1.55-dump.jsonl")

    dump = DeckCli.local(api.url, program=str(deck)).dump(f"{tmp_path}/state")

    written = Path(dump.files[0].path).read_text("utf-8")
    assert _without_ttl(written) == _without_ttl(real["outfile"])
    assert Path(dump.files[0].path).stat().st_mode & 0o777 == 0o600
    assert Path(dump.folder).stat().st_mode & 0o777 == 0o700
    assert (dump.entities["services"], dump.entities["basicauth_credentials"]) == (10, 5)


def _without_ttl(text: str) -> list[str]:
    return [line for line in text.splitlines() if "ttl:" not in line]


@pytest.mark.parametrize("there", ["folder", "dangling link"])
def test_nothing_is_overwritten(deck: Path, start: Start, tmp_path: Path, there: str) -> None:
    path = tmp_path / "state"
    if there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")

    with pytest.raises(DeckError, match="not overwritten"):
        DeckCli.local(start().url, program=str(deck)).dump(str(path))

    assert there != "folder" or list(path.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_a_basic_auth_credential_is_never_written(deck: Path, start: Start, tmp_path: Path) -> None:
    """decK would send the hash as a password, and it would be one."""
    (file,) = DeckCli.local(start().url, program=str(deck)).dump(f"{tmp_path}/state").files
    empty = start(filled=False)
    adapter = DeckCli.local(empty.url, program=str(deck))

    done = adapter.sync(file)

    assert done.left_out == ("basic-auth user0",)
    assert adapter.diff(file).is_empty
    assert adapter.diff(file).left_out == done.left_out
    assert (done.errors, empty.rows("basicauth_credentials")) == ((), ())
    assert [row["id"] for row in empty.rows("consumers")] == [CONSUMER["id"]]
    assert list(tmp_path.iterdir()) == [Path(file.path).parent]


def test_nor_is_one_deleted_that_was_restored_otherwise(
    deck: Path, start: Start, tmp_path: Path
) -> None:
    (file,) = DeckCli.local(start().url, program=str(deck)).dump(f"{tmp_path}/state").files
    other = start(filled=False)
    adapter = DeckCli.local(other.url, program=str(deck))
    adapter.sync(file)
    other.load("basicauth_credentials", [_basic_auth()])

    done = adapter.sync(file)

    assert done.left_out == ()
    assert done.is_empty
    assert [row["password"] for row in other.rows("basicauth_credentials")] == [HASH]
    assert adapter.diff(file).is_empty


def test_without_our_adapter_the_hash_is_the_password(
    deck: Path, start: Start, tmp_path: Path
) -> None:
    """What the two tests above are about."""
    (file,) = DeckCli.local(start().url, program=str(deck)).dump(f"{tmp_path}/state").files
    empty = start(filled=False)
    runner = LocalProcessRunner(environ={**os.environ, "DECK_KONG_ADDR": empty.url})

    runner.run([str(deck), "gateway", "sync", file.path], timeout_s=60)

    assert empty.rows("basicauth_credentials")[0]["password"] not in (HASH, "")


def test_what_the_gateway_refuses_is_told_though_decks_status_is_0(
    deck: Path, start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        '_format_version: "3.0"\nservices:\n- name: a\n  host: a\n  plugins:\n'
        "  - name: rate-limiting\n    config: {minute: -5}\n"
    )
    api = start("3.4", filled=False)
    adapter = DeckCli.local(api.url, program=str(deck))

    done = adapter.sync(DumpedFile(path=str(path)))

    assert len(done.errors) == 1
    assert "config.minute: value must be greater than 0" in done.errors[0]
    assert not done.is_empty
    assert adapter.validate(DumpedFile(path=str(path)), online=True) == (
        "validate entity 'plugins (rate-limiting)': HTTP status 400 (message: "
        '"schema violation (config.minute: value must be greater than 0)")',
    )


def test_a_dump_of_2_8_is_refused_by_3_4_until_it_is_converted(
    deck: Path, start: Start, reference: Path, tmp_path: Path
) -> None:
    """Everything but what decK does not dump, and what it never restores."""
    old, new = start("2.8", filled=False), start("3.4", filled=False)
    recorded(old, reference / "reference/kong/deck/http/28-deck1.55-dump.jsonl")
    (file,) = DeckCli.local(old.url, program=str(deck)).dump(f"{tmp_path}/state").files
    adapter = DeckCli.local(new.url, program=str(deck))

    with pytest.raises(DeckError, match="cannot apply"):
        adapter.sync(file)
    converted = tmp_path / "converted.yaml"
    data = convert(Path(file.path).read_bytes()).data
    assert data is not None
    converted.write_bytes(data)
    as_3_4 = attrs.evolve(file, path=str(converted))
    refusals = adapter.validate(as_3_4, online=True)
    done = adapter.sync(as_3_4)

    assert refusals == ()
    assert done.errors == ()
    assert len(done.created) == len(set(entities_of(data))) - len(done.left_out)


def test_the_time_that_passes_is_no_difference(deck: Path, start: Start, tmp_path: Path) -> None:
    api = start()
    adapter = DeckCli.local(api.url, program=str(deck))
    put(api, f"/consumers/user0/key-auth/{key_id(9)}", {"key": "ages", "ttl": 5000})
    (file,) = adapter.dump(f"{tmp_path}/state").files
    put(api, f"/consumers/user0/key-auth/{key_id(9)}", {"key": "ages", "ttl": 4000})

    found = adapter.diff(file)

    assert found.is_empty
    assert found.aging == ("key-auth of consumer user0",)


def test_no_piece_of_a_key_is_shown(deck: Path, start: Start, tmp_path: Path) -> None:
    (file,) = DeckCli.local(start().url, program=str(deck)).dump(f"{tmp_path}/state").files

    done = DeckCli.local(start(filled=False).url, program=str(deck)).sync(file)

    assert "key-auth of consumer user0" in done.created
    assert "user0" in str(done).replace("the-key-of-user0", "")
    assert "the-key" not in str(done)


def test_files_by_tag_count_each_entity_once(deck: Path, start: Start, tmp_path: Path) -> None:
    """A route without its service is in none: decK leaves it out, and only counting shows it."""
    api = start()
    put(api, "/routes/both", {"name": "both", "paths": ["/b"], "tags": ["one", "two"]})
    adapter = DeckCli.local(api.url, program=str(deck))

    without_service = adapter.dump(f"{tmp_path}/a", tags=("one", "two"))
    put(api, "/services/orders", {"host": "127.0.0.1", "tags": ["one", "two"]})
    dump = adapter.dump(f"{tmp_path}/b", tags=("one", "two"))

    assert without_service.entities == {"routes": 1}
    assert [file.tag for file in dump.files] == ["one", "two"]
    assert dump.entities == {"routes": 3, "services": 1}


class TestEnterprise:
    """Written from documents: what a real one answers was never measured."""

    @pytest.fixture
    def enterprise(self) -> Enterprise:
        enterprise = Enterprise()
        enterprise.add_workspace("sales")
        return enterprise

    @pytest.fixture
    def api(self, start: Start, enterprise: Enterprise) -> KongAdminApi:
        api = start(enterprise=enterprise)
        _fill(api, "sales")
        for name, role in (("default", "auditor"), ("sales", "seller")):
            enterprise.roles[name, key_id(5)] = {"id": key_id(5), "name": role, "comment": None}
        enterprise.permissions[key_id(5)] = [{
            "endpoint": "/services", "workspace": "default", "negative": False,
            "actions": ["read"], "role": {"id": key_id(5)},
        }]  # fmt: skip
        api.token = MARKER
        return api

    @pytest.fixture
    def adapter(self, deck: Path, api: KongAdminApi) -> DeckCli:
        environ = {**os.environ, "TOKEN": MARKER}
        return DeckCli.local(api.url, token="env:TOKEN", environ=environ, program=str(deck))

    def test_each_workspace_has_a_file_and_its_roles_another(
        self, adapter: DeckCli, tmp_path: Path
    ) -> None:
        dump = adapter.dump(f"{tmp_path}/state")

        assert [(Path(f.path).name, f.workspace, f.rbac) for f in dump.files] == [
            ("kong+default.yaml", "default", False),
            ("rbac+default.yaml", "default", True),
            ("kong+sales.yaml", "sales", False),
            ("rbac+sales.yaml", "sales", True),
        ]
        assert "seller" in Path(dump.files[3].path).read_text("utf-8")
        assert "_workspace: sales" in Path(dump.files[2].path).read_text("utf-8")

    def test_a_workspace_is_synced_by_itself(
        self, adapter: DeckCli, api: KongAdminApi, tmp_path: Path
    ) -> None:
        sales = adapter.dump(f"{tmp_path}/state").files[2]
        api.answer("DELETE", "/sales/routes/rest", {"kong-admin-token": MARKER}, b"")

        done = adapter.sync(sales)

        assert done.created == ("route rest",)
        assert len(api.rows("routes", workspace="sales")) == 3

    def test_roles_come_back_with_their_permissions(
        self, adapter: DeckCli, enterprise: Enterprise, tmp_path: Path
    ) -> None:
        roles = adapter.dump(f"{tmp_path}/state").files[1]
        enterprise.roles.clear()
        enterprise.permissions.clear()

        done = adapter.sync(roles)

        assert done.errors == ()
        assert [role["name"] for role in enterprise.roles.values()] == ["auditor"]
        assert [p["actions"] for ps in enterprise.permissions.values() for p in ps] == [["read"]]

    def test_without_a_list_of_workspaces_nothing_is_dumped(
        self, deck: Path, adapter: DeckCli, tmp_path: Path
    ) -> None:
        alone = attrs.evolve(adapter, admin=None)

        with pytest.raises(DeckError, match="which workspaces there are"):
            alone.dump(f"{tmp_path}/state")

        assert not (tmp_path / "state").exists()

    def test_roles_that_cannot_be_read_are_told(
        self, adapter: DeckCli, api: KongAdminApi, tmp_path: Path
    ) -> None:
        api.enterprise = _NoRbac()

        dump = adapter.dump(f"{tmp_path}/state")

        assert [file.rbac for file in dump.files] == [False]
        assert len(dump.refused) == 1
        assert "rbac+default.yaml" in dump.refused[0]
        assert "403" in dump.refused[0]


class _NoRbac(Enterprise):
    """Without a licence."""

    def answer(self, method: str, workspace: str, parts: Any, given: Any) -> Any:
        if parts[:1] == ["rbac"]:
            return message(403, "Enterprise license missing or expired")
        return super().answer(method, workspace, parts, given)


def test_the_token_is_sent_and_never_shown(deck: Path, serve: Serve, tmp_path: Path) -> None:
    """Here the server repeats it."""
    log, spy = tmp_path / "log", tmp_path / "deck"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{log}"\nexec "{deck}" "$@"\n')
    spy.chmod(0o755)
    server = serve(lambda _: Reply(401, json.dumps({"message": f"bad token {MARKER}"}).encode()))
    adapter = DeckCli.local(
        server.url, token="env:TOKEN", environ={**os.environ, "TOKEN": MARKER}, program=str(spy)
    )

    with pytest.raises(DeckError, match="HTTP status 401") as failed:
        adapter.ping()

    assert server.received[0].headers["kong-admin-token"] == MARKER
    assert MARKER not in f"{failed.value} {failed.value!r} {adapter!r} {failed.value.__cause__}"
    assert "ping" in log.read_text()
    assert MARKER not in log.read_text()


def test_a_token_that_is_missing_is_an_error() -> None:
    with pytest.raises(DeckError, match="env:TOKEN"):
        DeckCli.local(NOBODY, token="env:TOKEN", environ={})
    with pytest.raises(DeckError, match="empty or has a blank"):
        DeckCli.local(NOBODY, token="env:TOKEN", environ={"TOKEN": "two words"})


def test_a_server_that_is_no_kong_is_an_error(deck: Path, serve: Serve, tmp_path: Path) -> None:
    adapter = DeckCli.local(serve(lambda _: Reply(200, b"<html>")).url, program=str(deck))

    with pytest.raises(DeckError, match="invalid character"):
        adapter.ping()
    with pytest.raises(DeckError):
        adapter.dump(f"{tmp_path}/state")
    assert not (tmp_path / "state").exists()


def test_converted_files_are_compared_with_the_migrated_cluster(
    deck: Path, start: Start, tmp_path: Path
) -> None:
    """The same entities under the same ids, as a copied database has them after its migration."""
    current, new = start("2.8"), start("3.4", filled=False)
    for table in ("services", "consumers", "keyauth_credentials", "basicauth_credentials"):
        new.load(table, current.rows(table))
    routes = [dict(row) for row in current.rows("routes")]
    for route in routes:
        route["paths"] = ["~/orders/\\d+" if "d+" in path else path for path in route["paths"]]
    new.load("routes", routes)
    fakes = fake_adapters(a_world())
    adapters = attrs.evolve(
        fakes,
        backups=BackupFolders(),
        current=attrs.evolve(fakes.current, deck=DeckCli.local(current.url, program=str(deck))),
        new=attrs.evolve(fakes.new, deck=DeckCli.local(new.url, program=str(deck))),
    )
    folder = f"{tmp_path}/b"
    dump = BackUpDeclarative(id="d", guide="", side=Side.CURRENT, folder=f"{folder}/declarative")
    dump.run(adapters, NO_PAST)
    compare = CompareDeclarative(
        id="compare",
        guide="",
        side=Side.NEW,
        folder=folder,
        converted=f"{folder}-converted",
        edition=Edition.OSS,
    )

    same = list(compare.verify(adapters, {"compare": compare.run(adapters, NO_PAST)}))
    assert new.answer("DELETE", "/routes/rest", {}, b"").status == 204
    differs = list(compare.verify(adapters, {"compare": compare.run(adapters, NO_PAST)}))

    assert rules(same) == ["declarative-changed-by-migration"]
    assert rules(differs) == [
        "declarative-changed-by-migration",
        "declarative-differs-from-migration",
    ]
    assert "1 only in the file (route rest)" in differs[1].message
    (file,) = Path(f"{folder}-converted").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_older_deck_is_called_by_its_own_names(deck: Path, start: Start, tmp_path: Path) -> None:
    """The real one, but for its newer names; the older ones are still in it."""
    old = tmp_path / "deck"
    old.write_text(
        '#!/bin/sh\ncase "$1" in gateway|file)\n'
        '  echo "Error: unknown command \\"$1\\" for \\"deck\\"" >&2; exit 1;;\n'
        f'esac\nexec "{deck}" "$@"\n'
    )
    old.chmod(0o755)
    adapter = DeckCli.local(start().url, program=str(old))

    assert adapter.abilities() == {DeckAbility.JSON_OUTPUT}
    assert adapter.ping() == "2.8.5"
    (file,) = adapter.dump(f"{tmp_path}/state").files
    assert Path(file.path).stat().st_mode & 0o777 == 0o600
    assert adapter.validate(file, online=False) == ()
    assert adapter.validate(file, online=True) == ()
    assert adapter.sync(file).is_empty


def test_a_deck_that_can_dump_in_parallel_is_told_to(
    deck: Path, start: Start, tmp_path: Path
) -> None:
    """No release so far can; the guide asks for it."""
    log, new = tmp_path / "log", tmp_path / "deck"
    new.write_text(
        f'#!/bin/sh\necho "$@" >> "{log}"\n'
        '[ "$3" = --help ] && echo "deck gateway dump [flags] --parallelism" && exit 0\n'
        f'exec "{deck}" $(echo "$@" | sed "s/--parallelism [0-9]*//")\n'
    )
    new.chmod(0o755)

    DeckCli.local(start().url, program=str(new)).dump(f"{tmp_path}/state")

    assert any(
        "dump" in line and "--parallelism 20" in line for line in log.read_text().splitlines()
    )


def test_an_exit_status_is_not_believed(tmp_path: Path) -> None:
    liar = tmp_path / "deck"
    liar.write_text("#!/bin/sh\nexit 0\n")
    liar.chmod(0o755)
    adapter = DeckCli(LocalProcessRunner(), program=str(liar))

    with pytest.raises(DeckError, match="named no version"):
        adapter.ping()
    liar.write_text("#!/bin/sh\necho Kong version:  2.8.5\n")
    with pytest.raises(DeckError, match="ended well, but wrote no"):
        adapter.dump(f"{tmp_path}/state")
    assert list(tmp_path.iterdir()) == [liar]


def test_a_deck_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DeckError, match="No such file"):
        DeckCli(LocalProcessRunner(), program="/nonexistent/deck").ping()
