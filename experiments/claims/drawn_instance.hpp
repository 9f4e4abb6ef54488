#pragma once
// An instance held in memory, for claims that play by hand what no scheme does.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/members.hpp"
#include "reduction/certificate.hpp"
#include "sweep/experiment.hpp"

namespace kvfrontier::experiments {

struct DrawnInstance {
  std::unique_ptr<reduction::Instance> instance;
  core::RowMatrixD keys, values;  // N x d
  std::optional<double> tau;      // certified, with `zero_tokens` further tokens of Bob's own

  // `seed` and `trial` as in the record's parameters; the draw depends on the instance alone.
  DrawnInstance(const reduction::InstanceParams& params, std::uint64_t seed, std::uint64_t trial, double eta,
                core::Index zero_tokens = 0)
      : instance(reduction::make_instance(params, reduction::TrialCoins::derive(seed, params, trial))) {
    core::RowMatrixF rows(params.tokens(), params.d);
    instance->keys(0, rows);
    keys = rows.cast<double>();
    instance->values(0, rows);
    values = rows.cast<double>();
    tau = reduction::certified_tau(reduction::certify(*instance), *instance, eta, 500, zero_tokens);
  }
};

// The members `schedule`, `n` and `d` of a claim's parameters P.
template <class P>
core::Member<P> schedule_member(std::string P::*place) {
  return core::member("schedule", place, "sides of the token maps").one_of(geometry::Schedule::names());
}
template <class P>
core::Member<P> n_member(int P::*place) {
  return core::member("n", place, "side of the last map, where the schedule leaves it free").range(2, 16384);
}
template <class P>
core::Member<P> d_member(core::Index P::*place) {
  return core::member("d", place, "width of keys and of values").range(1, 65536);
}
// n as the schedule has it, so that parameters do not differ by an n that means nothing.
inline int resolved_n(const std::string& schedule, int n) {
  const int fixed = geometry::Schedule::fixed_side(schedule);
  return fixed > 0 ? fixed : n;
}

// An INDEX instance of such a shape.
inline reduction::InstanceParams index_params(const std::string& schedule, int n, core::Index d,
                                              const char* embedding = "sphere") {
  reduction::InstanceParams params;
  params.schedule = geometry::Schedule::named(schedule, n);
  params.d = d;
  params.embedding = embedding;
  return params;
}

}  // namespace kvfrontier::experiments
