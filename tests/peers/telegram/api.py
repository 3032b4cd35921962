"""The Bot API's methods as this project uses them, with Telegram's own limits and refusals."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from tests.peers.telegram.world import BOT, BOT_ID, File, Json, World, document, film, photo_sizes, sticker

MIB = 1024 * 1024
PHOTO_LIMIT, DOCUMENT_LIMIT, DOWNLOAD_LIMIT = 10 * MIB, 50 * MIB, 20 * MIB
STICKER_LIMIT = 512 * 1000
Uploads = dict[str, tuple[str, bytes]]


class RefusalError(Exception):
    """The API says no."""

    def __init__(self, description: str, status: int = 400, **parameters: Any) -> None:
        super().__init__(description)
        self.description, self.status, self.parameters = description, status, parameters


class Api:
    """One bot's API.

    Args:
        world: Where everything is.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.answered: list[Json] = []
        self.inline_answers: list[Json] = []
        self.commands: list[Json] = []
        self.actions: list[Json] = []
        self.webhook: Json = {}

    def call(self, method: str, given: Json, uploads: Uploads) -> Any:
        """Do it.

        Raises:
            RefusalError: As Telegram would.
        """
        run: Callable[[Json, Uploads], Any] | None = getattr(self, f"_{method}", None)
        if run is None:
            raise RefusalError("Not Found", 404)
        chat_id = given.get("chat_id")
        if isinstance(chat_id, int):
            self._check_chat(chat_id)
        return run(given, uploads)

    def _check_chat(self, chat_id: int) -> None:
        if chat_id in self.world.moved:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise RefusalError(text, migrate_to_chat_id=self.world.moved[chat_id])
        if chat_id in self.world.blocked:
            raise RefusalError("Forbidden: bot was blocked by the user", 403)
        if chat_id not in self.world.chats:
            raise RefusalError("Bad Request: chat not found")

    def _getMe(self, given: Json, uploads: Uploads) -> Json:
        rights = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": True}
        return {**BOT, **rights}

    def _deleteWebhook(self, given: Json, uploads: Uploads) -> bool:
        self.webhook = {}
        return True

    def _setWebhook(self, given: Json, uploads: Uploads) -> bool:
        self.webhook = given
        return True

    def _setMyCommands(self, given: Json, uploads: Uploads) -> bool:
        for command in given["commands"]:
            if not (1 <= len(command["command"]) <= 32 and 1 <= len(command["description"]) <= 256):
                raise RefusalError("Bad Request: BOT_COMMAND_INVALID")
        self.commands.append(given)
        return True

    def _getFile(self, given: Json, uploads: Uploads) -> Json:
        file = self.world.files.get(given["file_id"])
        if file is None:
            raise RefusalError("Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(file.data) > DOWNLOAD_LIMIT:
            raise RefusalError("Bad Request: file is too big")
        path = f"photos/{file.file_id}.jpg"
        size = len(file.data)
        return {"file_id": file.file_id, "file_unique_id": file.file_id[-8:], "file_size": size, "file_path": path}

    def _sendChatAction(self, given: Json, uploads: Uploads) -> bool:
        self.actions.append(given)
        return True

    def _answerCallbackQuery(self, given: Json, uploads: Uploads) -> bool:
        if len(given.get("text", "")) > 200:
            raise RefusalError("Bad Request: MESSAGE_TOO_LONG")
        if any(before["callback_query_id"] == given["callback_query_id"] for before in self.answered):
            raise RefusalError("Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.answered.append(given)
        return True

    def _answerInlineQuery(self, given: Json, uploads: Uploads) -> bool:
        if len(given["results"]) > 50:
            raise RefusalError("Bad Request: RESULTS_TOO_MUCH")
        for result in given["results"]:
            self._known(result.get("photo_file_id") or result.get("document_file_id"))
        self.inline_answers.append(given)
        return True

    def _getChat(self, given: Json, uploads: Uploads) -> Json:
        chat = self.world.chat(given["chat_id"])
        return {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _GIFTS, **chat}

    def _getChatMember(self, given: Json, uploads: Uploads) -> Json:
        chat_id, user_id = given["chat_id"], given["user_id"]
        user = BOT if user_id == BOT_ID else {"id": user_id, "is_bot": False, "first_name": "Somebody"}
        if (chat_id, user_id) in self.world.admins:
            return {"status": "creator", "user": user, "is_anonymous": False}
        if (chat_id, user_id) in self.world.absent:
            return {"status": "left", "user": user}
        return {"status": "member", "user": user}

    def _deleteMessage(self, given: Json, uploads: Uploads) -> bool:
        if self.world.messages.get(given["chat_id"], {}).pop(given["message_id"], None) is None:
            raise RefusalError("Bad Request: message to delete not found")
        return True

    def _sendMessage(self, given: Json, uploads: Uploads) -> Json:
        return self._new(given, text=_text(given["text"]))

    def _sendPhoto(self, given: Json, uploads: Uploads) -> Json:
        photo = self._photo(given.get("photo"), uploads.get("photo"))
        return self._new(given, photo=photo_sizes(photo), **_caption(given), **_spoiler(given))

    def _sendDocument(self, given: Json, uploads: Uploads) -> Json:
        file = self._document(given.get("document"), uploads.get("document"))
        return self._new(given, document=document(file), **_caption(given))

    def _sendSticker(self, given: Json, uploads: Uploads) -> Json:
        _, data = uploads["sticker"]
        if len(data) > STICKER_LIMIT:
            raise RefusalError("Bad Request: STICKER_FILE_TOO_BIG")
        file = self.world.new_file(data, "sticker.webp", "image/webp")
        if data[8:12] != b"WEBP" or max(file.width, file.height) != 512:
            raise RefusalError("Bad Request: STICKER_PNG_DIMENSIONS")
        return self._new(given, sticker=sticker(file))

    def _sendAnimation(self, given: Json, uploads: Uploads) -> Json:
        film = self._film("animation", given.get("animation"), uploads)
        return self._new(given, **film, **_caption(given), **_spoiler(given))

    def _sendVideo(self, given: Json, uploads: Uploads) -> Json:
        film = self._film("video", given.get("video"), uploads)
        return self._new(given, **film, **_caption(given), **_spoiler(given))

    def _film(self, kind: str, reference: str | None, uploads: Uploads) -> Json:
        """An animation has no sound; both are MP4. Telegram shows an animation as a document as well."""
        upload = uploads.get((reference or "").removeprefix("attach://")) or uploads.get(kind)
        if upload is None:
            file = self._known(reference)
        else:
            name, data = upload
            if len(data) > DOCUMENT_LIMIT:
                raise RefusalError("Request Entity Too Large", 413)
            if data[4:8] != b"ftyp" or (b"soun" in data) != (kind == "video"):
                raise RefusalError("Bad Request: wrong type of the web page content")
            file = self.world.new_file(data, name, "video/mp4")
        both = {"document": document(file)} if kind == "animation" else {}
        return {kind: film(file), **both}

    def _editMessageText(self, given: Json, uploads: Uploads) -> Json:
        message = self._editable(given)
        if "text" not in message:
            raise RefusalError("Bad Request: there is no text in the message to edit")
        return self._changed(message, given, text=_text(given["text"]))

    def _editMessageCaption(self, given: Json, uploads: Uploads) -> Json:
        message = self._editable(given)
        if "text" in message:
            raise RefusalError("Bad Request: there is no caption in the message to edit")
        return self._changed(message, given, **_caption(given))

    def _editMessageMedia(self, given: Json, uploads: Uploads) -> Json:
        message, media = self._editable(given), given["media"]
        name = media["media"].removeprefix("attach://")
        upload = uploads.get(name) if media["media"].startswith("attach://") else None
        reference = None if upload else media["media"]
        if media["type"] == "photo":
            content: Json = {"photo": photo_sizes(self._photo(reference, upload))}
        elif media["type"] in ("animation", "video"):
            content = self._film(media["type"], media["media"], uploads)
        else:
            content = {"document": document(self._document(reference, upload))}
        for kind in ("text", "photo", "document", "animation", "video", "caption", "has_media_spoiler"):
            message.pop(kind, None)
        return self._changed(message, given, **content, **_caption(media), **_spoiler(media))

    def _new(self, given: Json, **content: Any) -> Json:
        chat_id = given["chat_id"]
        answered = given.get("reply_parameters")
        if answered:
            found = self.world.messages.get(chat_id, {}).get(answered["message_id"])
            if found is None and not answered.get("allow_sending_without_reply"):
                raise RefusalError("Bad Request: message to be replied not found")
            if found is not None:
                content["reply_to_message"] = {k: v for k, v in found.items() if k != "reply_to_message"}
        if "message_thread_id" in given:
            content |= {"message_thread_id": given["message_thread_id"], "is_topic_message": True}
        return self.world.new_message(chat_id, BOT, **content, **_markup(given))

    def _changed(self, message: Json, given: Json, **content: Any) -> Json:
        before = {key: message.get(key) for key in (*content, "reply_markup")}
        message.pop("reply_markup", None)
        if "caption" not in content and "text" not in content:
            message.pop("caption", None)
        message |= {**content, **_markup(given)}
        if before == {key: message.get(key) for key in (*content, "reply_markup")}:
            raise RefusalError(
                "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        return message

    def _editable(self, given: Json) -> Json:
        message = self.world.messages.get(given["chat_id"], {}).get(given["message_id"])
        if message is None or message["from"]["id"] != BOT_ID:
            raise RefusalError("Bad Request: message to edit not found")
        return message

    def _photo(self, reference: str | None, upload: tuple[str, bytes] | None) -> File:
        if upload is None:
            return self._known(reference)
        _, data = upload
        if len(data) > PHOTO_LIMIT:
            raise RefusalError("Request Entity Too Large", 413)
        try:
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                image.load()
        except OSError:
            raise RefusalError("Bad Request: IMAGE_PROCESS_FAILED") from None
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise RefusalError("Bad Request: PHOTO_INVALID_DIMENSIONS")
        return self.world.new_file(data)

    def _document(self, reference: str | None, upload: tuple[str, bytes] | None) -> File:
        if upload is None:
            return self._known(reference)
        name, data = upload
        if len(data) > DOCUMENT_LIMIT:
            raise RefusalError("Request Entity Too Large", 413)
        kinds = {"png": "image/png", "zip": "application/zip", "webp": "image/webp"}
        return self.world.new_file(data, name, kinds.get(name.rpartition(".")[2], "image/jpeg"))

    def _known(self, file_id: str | None) -> File:
        file = self.world.files.get(file_id or "")
        if file is None:
            raise RefusalError("Bad Request: wrong remote file identifier specified: Wrong string length")
        return file


def _text(text: str) -> str:
    if not text.strip():
        raise RefusalError("Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > 4096:
        raise RefusalError("Bad Request: message is too long")
    return text


def _caption(given: Json) -> Json:
    caption = given.get("caption", "")
    if len(caption.encode("utf-16-le")) // 2 > 1024:
        raise RefusalError("Bad Request: message caption is too long")
    return {"caption": caption} if caption else {}


def _spoiler(given: Json) -> Json:
    return {"has_media_spoiler": True} if given.get("has_spoiler") else {}


def _markup(given: Json) -> Json:
    markup = given.get("reply_markup")
    for row in (markup or {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button.get("callback_data", "x").encode()) <= 64:
                raise RefusalError("Bad Request: BUTTON_DATA_INVALID")
            if not button["text"]:
                raise RefusalError("Bad Request: Text buttons are unallowed in the inline keyboard")
    return {"reply_markup": markup} if markup else {}


_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}
