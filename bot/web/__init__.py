"""The local web chat: one page, the same queue and the same sentences as the chats.

``app.serve`` puts it together. Over HTTP it has ``/`` (the page), ``/pictures`` (uploads and pictures, each for its
own session only), ``/presets`` (thumbnails), ``/static`` and ``/healthz``; everything else goes over NiceGUI's socket.
"""
