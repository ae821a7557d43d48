"""One support centre for all end-to-end tests; each test leaves it without sessions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.harness.centre import Centre, require_namespace
from tests.harness.team import Team


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    require_namespace()
    place: Path = tmp_path_factory.mktemp("centre")
    async with Centre(place) as centre:
        yield centre


@pytest_asyncio.fixture(loop_scope="session")
async def centre(whole_centre: Centre) -> AsyncIterator[Centre]:
    yield whole_centre
    await whole_centre.end_all()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_team(whole_centre: Centre) -> AsyncIterator[Team]:
    async with Team(whole_centre) as team:
        yield team


@pytest_asyncio.fixture(loop_scope="session")
async def team(whole_team: Team) -> AsyncIterator[Team]:
    yield whole_team
    await whole_team.end_all()
