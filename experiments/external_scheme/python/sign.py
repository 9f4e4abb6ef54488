"""One bit per value entry: is it above the mean of its row? Two fp16 numbers a row say what the bits stand for.

A scheme for kvfrontier from outside its tree: the same program is Alice's encoder and Bob's decoder, told apart by the
role. docs/process_scheme.md has the protocol. Replace the four functions in the middle by your own.
"""
import json
import struct
import sys

import numpy as np


def read_frame():
    (size,) = struct.unpack("<Q", sys.stdin.buffer.read(8))
    return sys.stdin.buffer.read(size)


def write_frame(payload):
    sys.stdout.buffer.write(struct.pack("<Q", len(payload)) + payload)
    sys.stdout.buffer.flush()


def message_bits(shape):
    """The length of the message: a function of the shape (and shape["budget_bits"]) alone."""
    return shape["tokens"] * (shape["d"] + 32)


def compress(values):
    """Rows of values -> (what is sent of each row as floats, as bits)."""
    mean = values.mean(axis=1).astype("<f2")  # rounded before it is used, not after
    deviation = np.abs(values - mean[:, None].astype("f4")).mean(axis=1).astype("<f2")
    return np.stack([mean, deviation], axis=1), values > mean[:, None]


def decompress(scales, signs):
    mean, deviation = scales.astype("f8").T[:, :, None]
    return mean + np.where(signs, deviation, -deviation)


def attention(queries, keys, values):
    scores = queries @ keys.T
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights @ values / weights.sum(axis=1, keepdims=True)


def encode(shape):
    write_frame(struct.pack("<Q", message_bits(shape)))
    read_frame(), read_frame()  # the coins and the public keys, of which this scheme needs neither to encode
    scales, signs = [], []
    while block := read_frame():
        _keys, values = np.frombuffer(block, "<f4").reshape(2, -1, shape["d"])
        for sent, parts in zip((scales, signs), compress(values)):
            sent.append(parts)
    bits = np.packbits(np.concatenate(signs), bitorder="little")
    write_frame(np.concatenate(scales).tobytes() + bits.tobytes())


def decode(shape):
    tokens, d = shape["tokens"], shape["d"]
    read_frame()  # the coins: {"tau": ..., "coins": ...}
    keys = np.frombuffer(read_frame(), "<f4").reshape(tokens, d).astype("f8")
    message = read_frame()
    queries = np.frombuffer(read_frame(), "<f8").reshape(-1, d)
    scales = np.frombuffer(message[: 4 * tokens], "<f2").reshape(tokens, 2)
    bits = np.unpackbits(np.frombuffer(message[4 * tokens :], "u1"), bitorder="little", count=tokens * d)
    write_frame(attention(queries, keys, decompress(scales, bits.reshape(tokens, d))).tobytes())


if __name__ == "__main__":
    shape = json.loads(read_frame())
    {"encode": encode, "decode": decode}[shape["role"]](shape)
