"""Who may cancel a request: whoever has made it. gradio's own address asks for no more than its number."""

from __future__ import annotations

import fastapi
from gradio.data_classes import CancelBody
from gradio.queueing import Event
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import cancel_tasks

from vitdemo.serving.queue import find_asker, find_client
from vitdemo.serving.routes import API

ADDRESS = f"{API}cancel"


async def cancel(body: CancelBody, request: fastapi.Request) -> dict[str, bool]:
    """End a request that waits or runs, as gradio does; of somebody else's say the same and do nothing."""
    line = request.app.get_blocks()._queue
    event: Event | None = line.event_ids_to_events.get(body.event_id)
    if event is None or not is_theirs(event, body, request):
        return {"success": True}
    session = body.session_hash
    if event in line.list_waiting():
        await line.remove_from_queue(body.event_id)
    else:
        await cancel_tasks({f"{session}_{event.fn._id}"})
    if session in line.mailboxes and body.event_id in line.pending_event_ids_session.get(session, ()):
        told = ProcessCompletedMessage(output={}, success=True, event_id=body.event_id)
        line.mailboxes[session].put_nowait(told)  # with which its stream ends
    return {"success": True}


def is_theirs(event: Event, body: CancelBody, request: fastapi.Request) -> bool:
    """Return whether who asks has made this request: of the same session, from the same address."""
    address = find_client(request, body.session_hash).address
    return event.session_hash == body.session_hash and find_asker(event).address == address
