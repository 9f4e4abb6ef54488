#pragma once
// What one game gave: the message in exact bits, its ledger, what every metric measured, and what a table needs to say
// about the point, so that a record is understood without the scheme that made it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/members.hpp"
#include "reduction/instance.hpp"
#include "simulator/metric.hpp"

namespace kvfrontier::simulator {

// How a trial ended. ok: it was measured. uncertified: the instance has no certified scaling; it is counted and shown,
// never redrawn. infeasible: the budget is below the scheme's least message. failed: the game was not played by its
// rules or could not be played; `reason` says why.
enum class Status { ok, uncertified, infeasible, failed };

// Where a trial's private coins come from, and how Bob is kept apart. Records carry them once games are played with
// sealed coins; until then they are absent.
enum class CoinSource { seed, sealed };
enum class BobIsolation { never, process, sandbox };

struct GameRecord {
  Status status = Status::ok;
  std::string reason;  // of a failed game

  // Of the point: what its records say about the scheme and the instance.
  std::string label;       // the scheme and the options that tell its curve from others
  std::string surrogates;  // parts of the scheme that replace something learned; empty: none
  bool stored_keys = false;
  FloorKind floor_kind = FloorKind::finite;
  reduction::DistortionFloor distortion_floor = reduction::DistortionFloor::none;
  int value_bits = 1;
  std::optional<Bits> formula_bits;  // what the size formula gives; none for self-delimiting messages
  std::optional<Bits> fixed_bits;    // what the scheme sends for no tokens at all
  std::optional<Bits> smaller_bits;  // its longest message for a budget of one bit less than this one's length

  // Of an infeasible budget.
  std::optional<Bits> least_bits;
  std::optional<double> least_rate;

  // Of the instance.
  Bits information_bits = 0;
  std::optional<double> margin;  // min_i (|k_i|^2 - max_j <k_i, k_j>) of a certified instance
  double tau = 0;

  // Of the message.
  Bits message_bits = 0;
  Bits peak_state_bits = 0;
  std::map<std::string, Bits> ledger;

  // Of the answers.
  Index queried_rows = 0;
  std::map<std::string, MetricValue> metrics;
  std::int64_t ties = 0;
  std::vector<double> map_errors;      // per map: sum of the queried rows' shares of wrong bits
  std::vector<std::int64_t> map_rows;  // per map: queried rows

  // Of the trust in it.
  std::optional<CoinSource> coins;
  std::optional<BobIsolation> isolation;
  std::map<std::string, std::string> digests;  // of files that the game read, by name

  static core::MemberList<GameRecord> members();

  // The value of a metric; nullptr where this record has none of that name.
  const MetricValue* metric(const std::string& name) const;
  bool has_bits() const { return value_bits > 0; }
};

// What the floors of a record's point are functions of.
FloorInput floor_input(const GameRecord& record, Index tokens, Index d);

}  // namespace kvfrontier::simulator

template <>
struct kvfrontier::core::EnumNames<kvfrontier::simulator::Status> {
  static constexpr std::array names{"ok", "uncertified", "infeasible", "failed"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::simulator::CoinSource> {
  static constexpr std::array names{"seed", "sealed"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::simulator::BobIsolation> {
  static constexpr std::array names{"never", "process", "sandbox"};
};
