#pragma once
// Alice's half of the game: the stream, the message and the guards on its honesty.

#include <stdexcept>

#include "core/bits.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::simulator {

// The game was not played by its rules: a book that does not balance, a message of the wrong length, a Bob that died,
// hung or answered nonsense. The trial is a `failed` record, and the sweep goes on.
struct GameError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What Alice hands over.
struct Message {
  core::BitString bits;
  core::Ledger ledger;             // sums to bits.size
  core::Bits peak_state_bits = 0;  // largest state plus declared working memory after any block
};

// Streams the instance through an encoder of params.scheme, map by map in blocks of at most params.chunk tokens. Throws
// GameError when the ledger's sum, the encoder's own count or the size formula differs from the length of the string.
Message encode(const schemes::PublicParams& params, const reduction::Instance& instance);

}  // namespace kvfrontier::simulator
