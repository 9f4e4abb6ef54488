#include "reduction/instance.hpp"

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include "theory/floor.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::reduction {

std::string InstanceParams::identity() const {
  return core::Json{{"family", family},
                    {"options", options.to_json()},
                    {"sides", schedule.sides()},
                    {"d", d},
                    {"embedding", embedding}}
      .dump();
}

TrialCoins TrialCoins::derive(std::uint64_t seed, const InstanceParams& params, std::uint64_t trial) {
  const std::string identity = params.identity();
  return {core::derive_coins(seed, identity, trial, "public"), core::derive_coins(seed, identity, trial, "alice"),
          core::derive_coins(seed, identity, trial, "bob"), trial};
}

void Instance::keys(Index first, core::RowsOutF out) const {
  params_.keys().rows(coins_.open, params_.tokens(), first, out);
}

double Instance::leak_threshold(double eta) const {
  return theory::leak_threshold(eta);
}

std::vector<Index> Instance::queried_rows(Index count) const {
  core::Stream stream(coins_.bob, core::Purpose("queried rows"), 0);
  boost::random::uniform_int_distribution<Index> any(0, params_.tokens() - 1);
  std::vector<Index> rows(count);
  for (auto& row : rows) row = any(stream);
  return rows;
}

core::RowMatrixD Instance::mixture_queries(Index count, double tau) const {
  core::Stream stream(coins_.bob, core::Purpose("mixture queries"), 0);
  boost::random::uniform_int_distribution<Index> any(0, params_.tokens() - 1);
  core::RowMatrixD queries(count, params_.d);
  core::RowMatrixF pair(2, params_.d);
  for (Index i = 0; i < count; ++i) {
    keys(any(stream), pair.topRows(1));
    keys(any(stream), pair.bottomRows(1));
    queries.row(i) = tau / 2 * (pair.row(0) + pair.row(1)).cast<double>();
  }
  return queries;
}

core::RowMatrixD Instance::random_queries(Index count, double tau) const {
  core::RowMatrixD queries(count, params_.d);
  for (Index i = 0; i < count; ++i) {
    core::Stream stream(coins_.bob, core::Purpose("random queries"), i);
    boost::random::normal_distribution<double> normal;
    for (Index c = 0; c < params_.d; ++c) queries(i, c) = normal(stream);
    const double norm = queries.row(i).norm();
    if (norm > 0) queries.row(i) *= tau / norm;
  }
  return queries;
}

void InstanceFamily::check(const InstanceParams&, const std::string&) const {}

std::optional<double> mse_floor(DistortionFloor floor, double bits_per_entry) {
  if (floor == DistortionFloor::gaussian) return theory::gaussian_mse_floor(bits_per_entry);
  return std::nullopt;
}

std::unique_ptr<Instance> make_instance(const InstanceParams& params, const TrialCoins& coins) {
  return InstanceFamilies::find(params.family, "instance.name").make(params, coins);
}

}  // namespace kvfrontier::reduction
