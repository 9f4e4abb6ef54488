#pragma once
// What tests of schemes, reduction and simulator share: an instance made of given rows, the parameters of one game, and
// the rows of an instance as matrices.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "reduction/certificate.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "simulator/bob.hpp"
#include "simulator/message.hpp"

namespace kvfrontier::tests {

using core::Index;
using core::Json;

// A stream whose rows a test wrote down. `open` are the public coins.
class GivenInstance : public reduction::Instance {
 public:
  GivenInstance(reduction::InstanceParams params, reduction::TrialCoins coins, core::RowMatrixF keys,
                core::RowMatrixF values)
      : Instance(std::move(params), coins), keys_(std::move(keys)), values_(std::move(values)) {}
  void keys(Index first, core::RowsOutF out) const override { out = keys_.middleRows(first, out.rows()); }
  void values(Index first, core::RowsOutF out) const override { out = values_.middleRows(first, out.rows()); }
  core::Bits information_bits() const override { return 0; }

 private:
  core::RowMatrixF keys_, values_;
};

inline core::RowMatrixF all_keys(const reduction::Instance& instance) {
  core::RowMatrixF keys(instance.params().tokens(), instance.params().d);
  instance.keys(0, keys);
  return keys;
}
inline core::RowMatrixF all_values(const reduction::Instance& instance) {
  core::RowMatrixF values(instance.params().tokens(), instance.params().d);
  instance.values(0, values);
  return values;
}

// The parameters of a game on `instance`: `given` are the scheme's options as a user would write them.
inline schemes::PublicParams params_of(const reduction::Instance& instance, const std::string& scheme,
                                       const Json& given, double tau, int chunk = 64) {
  schemes::PublicParams params;
  params.schedule = instance.params().schedule;
  params.d = instance.params().d;
  params.embedding = instance.params().embedding;
  params.tau = tau;
  params.chunk = chunk;
  params.scheme = scheme;
  params.options = schemes::Schemes::find(scheme, "scheme").options().resolve(given, "scheme");
  params.coins = instance.coins().open;
  return params;
}

inline reduction::InstanceParams instance_params(geometry::Schedule schedule, Index d,
                                                 const std::string& embedding = "sphere") {
  reduction::InstanceParams params;
  params.schedule = std::move(schedule);
  params.d = d;
  params.embedding = embedding;
  return params;
}

// Trial `trial` of the INDEX instance under a fixed seed.
inline std::unique_ptr<reduction::Instance> index_instance(const reduction::InstanceParams& params,
                                                           std::uint64_t trial) {
  return reduction::make_instance(params, reduction::TrialCoins::derive(20250, params, trial));
}

// A stream of `keys` and `values`, cut into the maps of `schedule`; both parties' coins come from `trial`.
inline GivenInstance given_instance(geometry::Schedule schedule, core::RowMatrixF keys, core::RowMatrixF values,
                                    std::uint64_t trial = 0) {
  const reduction::InstanceParams params = instance_params(std::move(schedule), keys.cols());
  return {params, reduction::TrialCoins::derive(20251, params, trial), std::move(keys), std::move(values)};
}

// Sides whose cached maps hold `tokens` tokens, one at a time where a square does not fit: only for N that are sums of
// distinct growing squares. The tests use 1, 5 (1+4), 14 (1+4+9), 21 (1+4+16), 30, 85.
inline geometry::Schedule sides(std::vector<int> list) {
  return geometry::Schedule("sides", std::move(list));
}

inline core::RowMatrixF gaussian_rows(Index rows, Index d, std::uint64_t seed) {
  core::RowMatrixF matrix(rows, d);
  core::Stream stream({seed}, core::Purpose("tests/gaussian"), 0);
  // Sum of four uniforms: smooth, and nothing here needs exact normality.
  for (Index i = 0; i < matrix.size(); ++i) {
    double sum = 0;
    for (int k = 0; k < 4; ++k) sum += static_cast<double>(stream()) / 4294967296.0 - 0.5;
    matrix.data()[i] = static_cast<float>(sum);
  }
  return matrix;
}

// What a scheme answers about a given instance, encoded and decoded in this process.
inline core::RowMatrixD answers_of(const schemes::PublicParams& params, const reduction::Instance& instance,
                                   const core::RowMatrixD& queries) {
  const auto message = simulator::encode(params, instance);
  return simulator::ask_bob(params, message.bits, queries, {simulator::Isolation::never, 60});
}

// The certified scaling of an instance that is known to have one.
inline double tau_of(const reduction::Instance& instance, double eta = 0.5) {
  return reduction::certified_tau(reduction::certify(instance).margin, instance.params().tokens(), eta, 1e6).value();
}

}  // namespace kvfrontier::tests
