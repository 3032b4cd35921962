"""Chat: one platform-neutral service and conversation, one adapter per platform. Never TensorFlow."""
