#pragma once
// Rows that nobody measured: for stores with hand-picked numbers, and for forgeries.

#include "process.hpp"
#include "sweep/config.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::end_to_end {

// A row of `parameters` as index_frontier would write it: every queried row has the same share `error` of wrong bits.
inline sweep::Row made_up_row(const Json& parameters, std::int64_t trial, std::uint64_t message_bits, double error) {
  const std::int64_t queries = parameters.at("queries");
  sweep::Row row;
  row.parameters = std::make_shared<const Json>(parameters);
  row.point = sweep::point_id(parameters);
  row.trial = trial;
  row.session = "made-up";
  row.seconds = 0.5;
  row.result.status = "ok";
  row.result.data = {
      {"information_bits", parameters.at("tokens").get<std::int64_t>() * parameters.at("d").get<std::int64_t>()},
      {"certified_gap", 0.5},
      {"tau", 9.0},
      {"message_bits", message_bits},
      {"peak_state_bits", message_bits},
      {"ledger", {{"values", message_bits}}},
      {"error", error},
      {"error_theorem", error},
      {"queried_rows", queries},
      {"row_errors", error * static_cast<double>(queries)},
      {"ties", 0},
      {"mse", error},
      {"worst_decile", error},
      {"scale_row_errors", Json::array({error * static_cast<double>(queries)})},
      {"scale_queried_rows", Json::array({queries})},
      {"relative_l2", 0.1},
      {"mixture_relative_l2", 0.1},
      {"random_relative_l2", nullptr}};
  return row;
}

// The plan's parameters for a grid, in config order.
inline std::vector<Json> resolved(const std::string& grid, int queries = 256) {
  const Json config{{"experiment", "index_frontier"}, {"seed", 5}, {"grid", Json::parse(grid)}, {"queries", queries}};
  std::vector<Json> list;
  for (const auto& point : sweep::make_plan(config).points) list.push_back(point.parameters);
  return list;
}

}  // namespace kvfrontier::end_to_end
