"""The local web: studio, playground and how it works, the same queue and the same sentences as the chats.

``app.serve`` puts it together. Over HTTP it has ``/`` (the studio), ``/playground``, ``/how``, ``/pictures`` (uploads
and pictures, each for its own session only), ``/pastiches`` (downloads with their recipes), ``/presets`` and
``/samples`` (thumbnails), ``/challenges`` (the public gallery), ``/operator``, ``/static`` and ``/healthz``;
everything else goes over NiceGUI's socket.
"""
