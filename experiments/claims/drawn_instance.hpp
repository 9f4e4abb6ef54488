#pragma once
// An instance held in memory, for claims that play by hand what no scheme does.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/options.hpp"
#include "reduction/certificate.hpp"
#include "sweep/experiment.hpp"

namespace kvfrontier::experiments {

struct DrawnInstance {
  std::unique_ptr<reduction::Instance> instance;
  core::RowMatrixD keys, values;  // N x d
  std::optional<double> tau;      // certified, with `zero_tokens` further tokens of Bob's own

  // `seed` and `trial` as in the row's parameters; the draw depends on the instance alone.
  DrawnInstance(const reduction::InstanceParams& params, std::uint64_t seed, std::uint64_t trial, double eta,
                core::Index zero_tokens = 0)
      : instance(reduction::make_instance(params, reduction::Coins::derive(seed, params, trial))) {
    core::RowMatrixF rows(params.tokens(), params.d);
    instance->keys(0, rows);
    keys = rows.cast<double>();
    instance->values(0, rows);
    values = rows.cast<double>();
    tau = reduction::certified_tau(reduction::certify(*instance), *instance, eta, 500, zero_tokens);
  }
};

// Options `schedule`, `n` and `d` of a claim, and their schedule.
inline std::vector<core::Option> shape_options(int n, int d) {
  return {core::Option::choice("schedule", "doubling", geometry::Schedule::names(), "sides of the token maps"),
          core::Option::integer("n", n, 2, 16384, "side of the last map, where the schedule leaves it free"),
          core::Option::integer("d", d, 1, 65536, "width of keys and of values")};
}
inline geometry::Schedule schedule_of(const core::Json& parameters) {
  return geometry::Schedule::named(parameters.at("schedule"), parameters.at("n"));
}
// n as the schedule has it, so that parameters do not differ by an n that means nothing.
inline void resolve_shape(const sweep::Combination& combination, core::Json& parameters) {
  const std::string name = combination.value("schedule");
  const int fixed = geometry::Schedule::fixed_side(name), n = combination.value("n");
  parameters["schedule"] = name;
  parameters["n"] = fixed > 0 ? fixed : n;
  parameters["d"] = combination.value("d");
}
inline reduction::InstanceParams index_params(const core::Json& parameters, const char* embedding = "sphere") {
  reduction::InstanceParams params;
  params.schedule = schedule_of(parameters);
  params.d = parameters.at("d");
  params.embedding = embedding;
  return params;
}

}  // namespace kvfrontier::experiments
