#pragma once
// Bob's half of the game: a decoder built from the public parameters and the bit string alone.

#include <string>

#include "core/bits.hpp"
#include "core/matrix.hpp"
#include "schemes/public_params.hpp"

namespace kvfrontier::simulator {

enum class Isolation {
  always,  // Bob is a process of his own
  never,   // Bob is a function call; for profiling, recorded in the session
};

struct BobPolicy {
  Isolation isolation = Isolation::always;
  double seconds = 600;  // a Bob that has not answered by then is killed
};

// Bob's answers to `queries` (nq x d, scaling included): nq x d. Throws GameError when he dies, hangs, answers short or
// answers with a number that is not finite, or when his decoder finds the message unreadable or read past its end, and
// MachineError when the machine has no process or memory for him.
core::RowMatrixD ask_bob(const schemes::PublicParams& params, const core::BitString& message, core::RowsViewD queries,
                         const BobPolicy& policy);

// The body of a Bob, whom the zygote has announced: serves one game on `socket` and returns. Runs in the forked process.
void serve_one_game(int socket);

}  // namespace kvfrontier::simulator
