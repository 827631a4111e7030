package io.nvmedirect.serve;

import java.nio.ByteBuffer;

/** What a request is answered with: the payload, and descriptors, which stay their owner's. */
@SuppressWarnings("ArrayRecordComponent") // nobody compares replies
record Reply(ByteBuffer payload, int... fds) {}
