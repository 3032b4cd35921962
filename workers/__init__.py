"""The queue: its contract and light client for the frontends, and the process that does the work.

The way of a job: ``client.submit`` → a fair place in its queue → ``gpu_worker`` takes it under a
lease → ``tasks.stylize`` runs the warm engine → ``outbox.post_terminal`` posts its one result →
the frontend's ``OutboxReader``. ``reaper`` brings back what a dead worker held.

Frontends import ``connection``, ``contract``, ``client``, ``blobs``, ``progress``, ``outbox`` and
``reaper``: none of these loads NumPy or TensorFlow. ``tasks``, ``gpu_worker`` and ``__main__``
belong to the worker. See ``docs/adr/0003-queue.md``.
"""
