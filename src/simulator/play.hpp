#pragma once
// One game from its parameters to its record. This is the one way to play: sweeps, claims, replay, tests and programs
// that link the library all call it.
//
//   simulator::GameRequest request;
//   request.n = 16;
//   request.d = 64;
//   request.scheme = core::JsonText({{"name", "kivi"}, {"bits", 2}});
//   const simulator::GameRecord record = simulator::play(simulator::resolve(request), 0);

#include <cstdint>
#include <functional>

#include "simulator/bob.hpp"
#include "simulator/game_point.hpp"
#include "simulator/game_record.hpp"
#include "simulator/transcript.hpp"

namespace kvfrontier::simulator {

// How games are played; nothing of it may change what they measure.
struct GamePolicy {
  BobPolicy bob;
  // Shown every game as it was played; for replays. May be empty.
  std::function<void(const Transcript&)> on_game;
};

// Trial `trial` of a point: a function of (point, trial) alone. Thread-safe, uses one thread. The record is ok,
// uncertified or infeasible; throws GameError when the game breaks its rules, and whatever a scheme throws.
GameRecord play(const GamePoint& point, std::uint64_t trial, const GamePolicy& policy = {});

// What the records of a point say about its scheme and instance: the members of GameRecord from label to smaller_bits,
// and information_bits.
GameRecord described(const GamePoint& point);

}  // namespace kvfrontier::simulator
