"""A line that the relay refused can be sent once more, under the id that it had."""

import asyncio

import pytest

from support_manager.errors import Refused
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ChatSend, ChatSent
from support_manager.protocol.views import Audience
from support_manager.session.outbox import Outbox
from support_manager.tasks import TaskOwner


@pytest.mark.rule("B-7.4")
async def test_a_refused_line_goes_again_with_the_same_id():
    sent: list[ChatSend] = []
    answers = [Refused(ErrorCode.TRANSCRIPT_FULL), None]
    told: asyncio.Queue[tuple[str, object]] = asyncio.Queue()

    async def send(message, reply, *, timeout_s=10.0):
        sent.append(message)
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return ChatSent(seq=7, at=1)

    outbox = Outbox(
        "s1", send, lambda line, seq: told.put_nowait((line, seq)), lambda line, code: told.put_nowait((line, code))
    )
    outbox.went_online()
    owner = TaskOwner("test")
    _ = owner.spawn(outbox.run(), name="outbox")
    line_id = outbox.add("hello", Audience.ALL)
    assert await asyncio.wait_for(told.get(), 5) == (line_id, ErrorCode.TRANSCRIPT_FULL)
    assert not outbox.again("another")
    assert outbox.again(line_id)
    assert not outbox.again(line_id), "it is on its way already"
    assert await asyncio.wait_for(told.get(), 5) == (line_id, 7)
    assert [each.line_id for each in sent] == [line_id, line_id]
    await owner.aclose(1.0)
