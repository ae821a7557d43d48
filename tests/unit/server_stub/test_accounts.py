"""Accounts: names, passwords, tokens, their rotation and their end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from server_stub import accounts as accounts_module
from server_stub.accounts import ACCESS_VALID_S, LOST_ANSWER_S, REFRESH_VALID_S, AccountError, Accounts
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.wire import ProtocolError

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


class TurnedClock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture
async def accounts(database: Database, clock: TurnedClock) -> AsyncIterator[Accounts]:
    made = Accounts(database, clock=clock, hasher=CHEAP)
    yield made
    made.close()


async def refused(work) -> ErrorCode:
    with pytest.raises(ProtocolError) as caught:
        await work
    return caught.value.code


async def test_sign_in_gives_an_access_token_that_names_the_account(accounts: Accounts) -> None:
    row = await accounts.add("Ana", PASSWORD, display_name="Ana P.")
    signed_in = await accounts.sign_in("ANA", PASSWORD)
    caller = await accounts.caller_by_access(signed_in.access_token)
    assert caller is not None
    account = caller.account
    assert account == signed_in.account
    assert (account.id, account.name, account.display_name) == (row.id, "Ana", "Ana P.")
    assert len(signed_in.access_token) >= 43


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong password 1"), ("nobody", PASSWORD), ("", PASSWORD)])
async def test_wrong_name_and_wrong_password_answer_alike(accounts: Accounts, name: str, password: str) -> None:
    await accounts.add("ana", PASSWORD)
    assert await refused(accounts.sign_in(name, password)) is ErrorCode.WRONG_CREDENTIALS


async def test_an_unknown_name_costs_a_password_check_too(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    await accounts.prepare()
    checked = []
    verify = accounts._verify

    async def counting(stored: str, password: str) -> bool:
        checked.append(stored)
        return await verify(stored, password)

    monkeypatch.setattr(accounts, "_verify", counting)
    await refused(accounts.sign_in("nobody", PASSWORD))
    assert len(checked) == 1
    assert checked[0].startswith("$argon2id$")


async def test_a_closed_account_is_told_so_only_with_its_password(accounts: Accounts) -> None:
    await accounts.add("ana", PASSWORD)
    await accounts.set_disabled("ana", True)
    assert await refused(accounts.sign_in("ana", "wrong password 1")) is ErrorCode.WRONG_CREDENTIALS
    assert await refused(accounts.sign_in("ana", PASSWORD)) is ErrorCode.ACCOUNT_DISABLED
    await accounts.set_disabled("ana", False)
    assert (await accounts.sign_in("ana", PASSWORD)).account.name == "ana"


async def test_closing_an_account_ends_its_tokens_at_once(accounts: Accounts, database: Database) -> None:
    await accounts.add("ana", PASSWORD)
    signed_in = await accounts.sign_in("ana", PASSWORD)
    other_process = Accounts(database, hasher=CHEAP)
    await other_process.set_disabled("ana", True)
    other_process.close()
    assert await accounts.caller_by_access(signed_in.access_token) is None
    for _ in range(2):  # its app may ask more than once, and nobody else learns of it
        assert await refused(accounts.refresh(signed_in.refresh_token)) is ErrorCode.ACCOUNT_DISABLED
    assert await refused(accounts.refresh("x" * 43)) is ErrorCode.TOKEN_EXPIRED


async def test_an_account_opened_again_asks_for_the_password_again(accounts: Accounts) -> None:
    await accounts.add("ana", PASSWORD)
    signed_in = await accounts.sign_in("ana", PASSWORD)
    await accounts.set_disabled("ana", False)  # open already: nobody is put out
    assert await accounts.caller_by_access(signed_in.access_token) is not None
    await accounts.set_disabled("ana", True)
    await accounts.set_disabled("ana", False)
    assert await accounts.caller_by_access(signed_in.access_token) is None
    assert await refused(accounts.refresh(signed_in.refresh_token)) is ErrorCode.TOKEN_EXPIRED


async def test_open_sockets_learn_which_sign_ins_hold_no_longer(accounts: Accounts, database: Database) -> None:
    callers = {}
    for name in ("ana", "ion", "dan"):
        await accounts.add(name, PASSWORD)
        caller = await accounts.caller_by_access((await accounts.sign_in(name, PASSWORD)).access_token)
        assert caller is not None
        callers[name] = caller
    sign_ins = {caller.family: caller.account.id for caller in callers.values()}
    assert await accounts.ended_sign_ins(sign_ins) == {}
    other_process = Accounts(database, hasher=CHEAP)
    await other_process.set_disabled("ana", True)
    await other_process.set_password("ion", "another good password")
    other_process.close()
    assert await accounts.ended_sign_ins(sign_ins) == {
        callers["ana"].family: ErrorCode.ACCOUNT_DISABLED,
        callers["ion"].family: ErrorCode.TOKEN_EXPIRED,
    }


async def test_a_new_password_ends_the_tokens_and_replaces_the_old_one(accounts: Accounts) -> None:
    await accounts.add("ana", PASSWORD)
    signed_in = await accounts.sign_in("ana", PASSWORD)
    await accounts.set_password("ana", "another good password")
    assert await accounts.caller_by_access(signed_in.access_token) is None
    assert await refused(accounts.refresh(signed_in.refresh_token)) is ErrorCode.TOKEN_EXPIRED
    assert await refused(accounts.sign_in("ana", PASSWORD)) is ErrorCode.WRONG_CREDENTIALS
    await accounts.sign_in("ana", "another good password")


async def test_access_tokens_end_after_a_quarter_of_an_hour(accounts: Accounts, clock: TurnedClock) -> None:
    await accounts.add("ana", PASSWORD)
    signed_in = await accounts.sign_in("ana", PASSWORD)
    clock.now += ACCESS_VALID_S - 1
    assert await accounts.caller_by_access(signed_in.access_token) is not None
    clock.now += 1
    assert await accounts.caller_by_access(signed_in.access_token) is None


async def test_refresh_rotates_and_a_spent_token_revokes_its_family(accounts: Accounts, clock: TurnedClock) -> None:
    await accounts.add("ana", PASSWORD)
    elsewhere = await accounts.sign_in("ana", PASSWORD)
    first = await accounts.sign_in("ana", PASSWORD)
    second = await accounts.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    clock.now += LOST_ANSWER_S + 1
    assert await refused(accounts.refresh(first.refresh_token)) is ErrorCode.TOKEN_EXPIRED
    assert await refused(accounts.refresh(second.refresh_token)) is ErrorCode.TOKEN_EXPIRED
    assert await accounts.caller_by_access(second.access_token) is None
    assert (await accounts.refresh(elsewhere.refresh_token)).account.name == "ana"


async def test_a_lost_answer_may_be_asked_for_once_more(accounts: Accounts, clock: TurnedClock) -> None:
    await accounts.add("ana", PASSWORD)
    first = await accounts.sign_in("ana", PASSWORD)
    lost = await accounts.refresh(first.refresh_token)
    clock.now += LOST_ANSWER_S - 1
    again = await accounts.refresh(first.refresh_token)
    following = await accounts.refresh(again.refresh_token)
    # The answer that got lost turning up later means that somebody else has it.
    assert await refused(accounts.refresh(lost.refresh_token)) is ErrorCode.TOKEN_EXPIRED
    assert await refused(accounts.refresh(following.refresh_token)) is ErrorCode.TOKEN_EXPIRED


async def test_a_spent_token_is_good_for_one_repetition_only(accounts: Accounts) -> None:
    await accounts.add("ana", PASSWORD)
    first = await accounts.sign_in("ana", PASSWORD)
    await accounts.refresh(first.refresh_token)
    await accounts.refresh(first.refresh_token)
    assert await refused(accounts.refresh(first.refresh_token)) is ErrorCode.TOKEN_EXPIRED


async def test_refresh_tokens_end_when_unused(accounts: Accounts, clock: TurnedClock) -> None:
    await accounts.add("ana", PASSWORD)
    first = await accounts.sign_in("ana", PASSWORD)
    clock.now += REFRESH_VALID_S
    assert await refused(accounts.refresh(first.refresh_token)) is ErrorCode.TOKEN_EXPIRED


async def test_sign_out_ends_this_family_only(accounts: Accounts) -> None:
    await accounts.add("ana", PASSWORD)
    here, there = await accounts.sign_in("ana", PASSWORD), await accounts.sign_in("ana", PASSWORD)
    await accounts.sign_out(here.refresh_token)
    assert await accounts.caller_by_access(here.access_token) is None
    assert await refused(accounts.refresh(here.refresh_token)) is ErrorCode.TOKEN_EXPIRED
    assert await accounts.caller_by_access(there.access_token) is not None


async def test_no_secret_is_kept_in_the_clear(accounts: Accounts, database: Database) -> None:
    await accounts.add("ana", PASSWORD)
    signed_in = await accounts.sign_in("ana", PASSWORD)
    async with database.transaction() as connection:
        rows = (await connection.execute(select(tables.account))).all()
        rows += (await connection.execute(select(tables.refresh_token))).all()
    kept = repr(rows)
    assert "$argon2id$" in kept
    assert not any(secret in kept for secret in (PASSWORD, signed_in.access_token, signed_in.refresh_token))


@pytest.mark.parametrize(
    ("name", "password", "shown", "code"),
    [
        ("", PASSWORD, "", "bad_name"),
        ("a\x1b[31m", PASSWORD, "", "bad_name"),
        ("a" * 65, PASSWORD, "", "bad_name"),
        ("ana", "short", "", "short_password"),
        ("ana", "x" * 257, "", "long_password"),
        ("ana", PASSWORD, "x" * 61, "bad_display_name"),
        ("Ion", PASSWORD, "", "name_taken"),
    ],
)
async def test_accounts_that_cannot_be_made(
    accounts: Accounts, name: str, password: str, shown: str, code: str
) -> None:
    await accounts.add("ion", PASSWORD)
    with pytest.raises(AccountError) as caught:
        await accounts.add(name, password, display_name=shown)
    assert caught.value.code == code
    assert [row.name for row in await accounts.everyone()] == ["ion"]


async def test_a_flood_of_sign_ins_is_turned_away(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "_HASHES_WAITING", 0)
    assert await refused(accounts.sign_in("ana", PASSWORD)) is ErrorCode.RELAY_BUSY


async def test_an_old_hash_is_made_anew_at_sign_in(accounts: Accounts, database: Database) -> None:
    await accounts.add("ana", PASSWORD)
    stronger = Accounts(database, hasher=PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
    await stronger.sign_in("ana", PASSWORD)
    stronger.close()
    async with database.transaction() as connection:
        stored = (await connection.execute(select(tables.account.c.password_hash))).scalar_one()
    assert "m=128,t=2,p=1" in stored
