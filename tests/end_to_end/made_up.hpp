#pragma once
// Records that nobody measured: for stores with hand-picked numbers, and for forgeries.

#include <limits>

#include "process.hpp"
#include "simulator/play.hpp"
#include "sweep/config.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::end_to_end {

// `game` with a message of so many bits, after which every queried row has the same share `error` of wrong bits.
inline simulator::GameRecord made_up_game(simulator::GameRecord game, const simulator::GamePoint& point,
                                          core::Bits message_bits, double error) {
  namespace names = simulator::metric_names;
  const core::Index queries = point.queries;
  game.information_bits = point.tokens * point.d;
  game.margin = 0.5;
  game.tau = 9;
  game.message_bits = game.peak_state_bits = message_bits;
  game.ledger = {{"values", message_bits}};
  game.queried_rows = queries;
  game.metrics = {{names::error, {error, queries, error * error * queries}},
                  {names::error_theorem, {error, queries, error * error * queries}},
                  {names::mse, {error, queries * point.d, {}}},
                  {names::worst_decile, {error, 1, {}}},
                  {names::within_eta, {0, queries, {}}},
                  {names::within_eta_wrong, {0, queries, {}}},
                  {names::relative_l2, {0.1, 1, {}}},
                  {"mixture_relative_l2", {0.1, 1, {}}},
                  {"random_relative_l2", {std::numeric_limits<double>::quiet_NaN(), 1, {}}}};
  // As if only rows of the last map had been asked for.
  game.map_errors.assign(point.maps().map_count(), 0);
  game.map_rows.assign(point.maps().map_count(), 0);
  game.map_errors.back() = error * queries;
  game.map_rows.back() = queries;
  return game;
}

// The same for the resolved parameters of a point whose scheme and family this program knows.
inline simulator::GameRecord made_up_game(const Json& parameters, core::Bits message_bits, double error) {
  const auto point = core::from_json<simulator::GamePoint>(parameters, "parameters");
  return made_up_game(simulator::described(point), point, message_bits, error);
}

// The record of a trial that gave `game`.
inline sweep::Record record_of(const Json& parameters, std::int64_t trial, const simulator::GameRecord& game) {
  sweep::Record record;
  record.parameters = std::make_shared<const Json>(parameters);
  record.point = sweep::point_id(parameters);
  record.trial = trial;
  record.session = "made-up";
  record.seconds = 0.5;
  record.result = sweep::result_of(game);
  return record;
}

// A record of `parameters` as index_frontier would write it.
inline sweep::Record made_up_record(const Json& parameters, std::int64_t trial, core::Bits message_bits, double error) {
  return record_of(parameters, trial, made_up_game(parameters, message_bits, error));
}

// The plan's parameters for a grid, in config order.
inline std::vector<Json> resolved(const std::string& grid, int queries = 256) {
  const Json config{{"experiment", "index_frontier"}, {"seed", 5}, {"grid", Json::parse(grid)}, {"queries", queries}};
  std::vector<Json> list;
  for (const auto& point : sweep::make_plan(config).points) list.push_back(point.parameters);
  return list;
}

}  // namespace kvfrontier::end_to_end
