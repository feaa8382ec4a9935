"""The store: MongoDB over motor; the only module that imports the driver.

motor is in its last support year; its successor is PyMongo's own async API, whose calls have the same names.
Writes that a watermark or an answer depends on go through `durable`, which waits for the journal: without it
a killed embedded store was seen to lose acknowledged documents.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from gridfs.errors import NoFile
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorGridFSBucket
from pymongo import IndexModel, InsertOne, ReplaceOne, ReturnDocument, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from metrics_api.core.errors import ConfigError, StoreUnavailable
from metrics_api.core.schema import indexes

__all__ = [
    "CLASH",
    "BulkWriteError",
    "Collection",
    "Document",
    "DuplicateKeyError",
    "InsertOne",
    "ReplaceOne",
    "ReturnDocument",
    "Store",
    "UpdateOne",
    "opened_store",
    "packed",
    "refusals",
    "unpacked",
    "unstorable",
]

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]

# The embedded store compares each document with every value of an `$in`, and scans where there are over 100.
IN_LIMIT = 20
# Long reads walk windows of this many numbers, bounded on both sides.
WINDOW = 2000
# MongoDB refuses documents over 16 MB; the envelope needs a little of that.
DOCUMENT_LIMIT = 15 * 2**20
DUPLICATE_KEY = 11000
CLASH = "clash"
# The GridFS bucket of what is too large for a document.
FILES = "bodies"
# Documents come back with aware times.
_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)


def unstorable(document: Document) -> str | None:
    """Why the database cannot hold a document (big integer, NUL in a key, lone surrogate, size), or None."""
    try:
        size = len(bson.encode(document))
    except (BSONError, OverflowError, UnicodeError, RecursionError) as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return f"the record has {size} bytes" if size > DOCUMENT_LIMIT else None


def packed(document: Document) -> bytes:
    """A document as it is stored."""
    return bson.encode(document)


def unpacked(body: bytes) -> Document:
    """The document that was packed, as the store gives it back."""
    return bson.decode(body, _AWARE)


def refusals(error: BulkWriteError, names: Sequence[str]) -> dict[str, str]:
    """What of a bulk write of these was refused, with the reason; CLASH for what is there already.

    Raises StoreUnavailable where the rest was written, but is not known to last.
    """
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise StoreUnavailable("the store did not confirm that what it wrote will last") from error
    return {
        names[finding["index"]]: CLASH
        if finding.get("code") == DUPLICATE_KEY
        else str(finding.get("errmsg"))[:200]
        for finding in details.get("writeErrors", ())
    }


@contextmanager
def translated() -> Iterator[None]:
    """Turn driver errors, other than clashes a caller handles, into StoreUnavailable."""
    try:
        yield
    except (BulkWriteError, DuplicateKeyError):
        raise
    except PyMongoError as error:
        raise StoreUnavailable(f"the store did not answer: {type(error).__name__}") from error


class Store:
    """One database; collections by name, with or without waiting for the journal.

    Raises ConfigError for a URI or a name that is none.
    """

    def __init__(self, uri: str, database: str) -> None:
        # The driver lets its arguments win over the URI, whose word is the user's.
        patience: dict[str, Any] = (
            {} if "serverselectiontimeoutms=" in uri.lower() else {"serverSelectionTimeoutMS": 10_000}
        )
        try:
            self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
                uri, tz_aware=True, appname="engmetrics", **patience
            )
            self._database = self._client[database]
        except (PyMongoError, ValueError, OSError) as error:
            raise ConfigError(f"MONGODB_URI (or [store]) cannot be used: {error}") from None
        self._concern = WriteConcern(w="majority", j=True)

    def collection(self, name: str) -> Collection:
        """A collection, for reading and for writes nobody depends on."""
        return self._database[name]

    def durable(self, name: str) -> Collection:
        """A collection whose writes are acknowledged only when they are in the journal of a majority."""
        return self._database.get_collection(name, write_concern=self._concern)

    async def prepare(self) -> None:
        """Create the indexes; does nothing where they exist."""
        with translated():
            for name, fields in indexes().items():
                await self.collection(name).create_indexes([IndexModel(field) for field in fields])

    async def probe(self) -> None:
        """Read a document; raises StoreUnavailable. A ping is not enough: a full disk still answers it."""
        with translated():
            await self.collection("counters").find_one({"_id": "topic:bugs"})

    async def one(self, name: str, key: str) -> Document | None:
        """The document with that _id, or None."""
        with translated():
            return await self.collection(name).find_one({"_id": key})

    async def all(
        self, name: str, query: Document | None = None, fields: Document | None = None
    ) -> list[Document]:
        """All matching documents of a small collection; `fields` is a projection."""
        with translated():
            return await self.collection(name).find(query or {}, fields).to_list(None)

    async def matching(
        self, name: str, field: str, values: Sequence[str], fields: Document | None = None
    ) -> list[Document]:
        """The documents whose indexed field has one of the values, asked for in groups of IN_LIMIT.

        `fields` is a projection.
        """
        found: list[Document] = []
        with translated():
            for at in range(0, len(values), IN_LIMIT):
                part = list(values[at : at + IN_LIMIT])
                found += await self.collection(name).find({field: {"$in": part}}, fields).to_list(None)
        return found

    async def window(
        self,
        name: str,
        field: str,
        after: int,
        upto: int,
        query: Document | None = None,
        fields: Document | None = None,
    ) -> list[Document]:
        """The documents with `after < field <= upto`, in the field's order; a projection keeps that field."""
        with translated():
            found = (
                await self.collection(name)
                .find({field: {"$gt": after, "$lte": upto}} | (query or {}), fields)
                .to_list(None)
            )
        return sorted(found, key=lambda document: document[field])

    async def remove(self, name: str, keys: Sequence[str]) -> None:
        """Delete the documents with these `_id`s; not durable: a crash may bring them back."""
        with translated():
            for at in range(0, len(keys), IN_LIMIT):
                part = list(keys[at : at + IN_LIMIT])
                await self.collection(name).delete_many({"_id": {"$in": part}})

    async def keep_file(self, name: str, body: bytes) -> str:
        """Keep bytes of any size, durably, and return by what they are found again."""
        key = uuid.uuid4().hex
        with translated():
            await self._files().upload_from_stream_with_id(key, name, body)
        return key

    async def file(self, key: str) -> bytes | None:
        """The bytes kept under a key, or None."""
        with translated():
            try:
                return bytes(await (await self._files().open_download_stream(key)).read())
            except NoFile:
                return None

    async def files_before(self, before: datetime) -> list[str]:
        """By what the files kept before an instant are found, halves of files included."""
        with translated():
            files = await self.collection(f"{FILES}.files").find({}, {"uploadDate": 1}).to_list(None)
            first = await self.collection(f"{FILES}.chunks").find({"n": 0}, {"files_id": 1}).to_list(None)
        found = {one["_id"]: one["uploadDate"] for one in files}
        begun = {one["files_id"]: one["_id"].generation_time for one in first}
        return sorted(key for key, at in (begun | found).items() if at < before)

    async def drop_file(self, key: str) -> None:
        """Forget the bytes kept under a key, if there are any."""
        with translated(), suppress(NoFile):
            await self._files().delete(key)

    def _files(self) -> AsyncIOMotorGridFSBucket:
        return AsyncIOMotorGridFSBucket(self._database, FILES, write_concern=self._concern)

    async def advance(self, name: str, key: str, field: str, by: int) -> int:
        """Raise a counter of its own document and return its new value; durable."""
        while True:
            with translated(), suppress(DuplicateKeyError):
                document = await self.durable(name).find_one_and_update(
                    {"_id": key}, {"$inc": {field: by}}, upsert=True, return_document=ReturnDocument.AFTER
                )
                # Of two that make the counter at once, one is told of a clash or gets nothing back.
                if document is not None:
                    return int(document[field])

    async def drop(self) -> None:
        """Drop the database with all it holds."""
        with translated():
            await self._client.drop_database(self._database.name)

    async def index(self, name: str, field: str) -> None:
        """Create an ascending index; does nothing where it exists."""
        with translated():
            await self.collection(name).create_index(field)

    async def names(self, prefix: str) -> list[str]:
        """The collections whose name begins so, sorted."""
        with translated():
            found = await self._database.list_collection_names()
        return sorted(name for name in found if name.startswith(prefix))

    async def drop_collection(self, name: str) -> None:
        """Remove a collection with its indexes."""
        with translated():
            await self._database.drop_collection(name)

    async def aclose(self) -> None:
        """Close the connections."""
        self._client.close()


@asynccontextmanager
async def opened_store(uri: str, database: str) -> AsyncIterator[Store]:
    """A store with its indexes, closed on leaving; raises StoreUnavailable."""
    store = Store(uri, database)
    try:
        await store.prepare()
        yield store
    finally:
        await store.aclose()
