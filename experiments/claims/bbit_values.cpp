// Finer values cost little scaling: at leak S a value of b bits decodes for every matrix as long as S < 1/(2^b - 1), so
// the bound becomes N d b bits. The slope ln 2/(1 - mu+) of the scaling against b is only an upper guide.

#include <algorithm>
#include <array>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "attention/all_pairs.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "theory/leak.hpp"
#include "theory/scaling.hpp"
#include "theory/search.hpp"

namespace kvfrontier::experiments::bbit_values {

enum class Quantity { decoding, scaling };
enum class Mutation { none, wrong_tau, nearest_grid_value };

}  // namespace kvfrontier::experiments::bbit_values

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::bbit_values::Quantity> {
  static constexpr std::array names{"decoding", "scaling"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::bbit_values::Mutation> {
  static constexpr std::array names{"none", "wrong_tau", "nearest_grid_value"};
};

namespace kvfrontier::experiments::bbit_values {
namespace {

using core::Index;
using core::Json;

constexpr int most_bits = 12;   // that the decoder tries
constexpr int scaled_bits = 8;  // scalings are measured for 1 bit up to this many

struct Parameters {
  Quantity quantity = Quantity::decoding;
  Index tokens = 512, d = 64;
  double tau = 12;
  Index rows = 64;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    const auto decodes = [](const Parameters& p) { return p.quantity == Quantity::decoding; };
    return {core::member("quantity", &Parameters::quantity, "what is measured"),
            core::member("tokens", &Parameters::tokens, "N").range(2, 50'000),
            core::member("d", &Parameters::d, "dimension").range(1, 65536),
            core::member("tau", &Parameters::tau, "query scaling, for decoding").range(0, 1e4).when(decodes),
            core::member("rows", &Parameters::rows, "rows per trial, for decoding").range(1, 1e6).when(decodes),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  // Of decoding.
  std::optional<Index> agree, rows;
  std::optional<double> mean_bits;
  // Of scaling: tau[b - 1] is the scaling for b bits.
  std::optional<double> mu_plus;
  std::array<std::optional<double>, scaled_bits> tau;

  static core::Member<Trial> tau_member(int bits) {
    using Form = core::JsonForm<std::optional<double>>;
    core::Option option;
    option.name = "tau_" + std::to_string(bits);
    option.meaning = "scaling at which the mean leak is 1/(2^b - 1), b = " + std::to_string(bits);
    Form::describe(option);
    return {option, [bits](const Trial& trial) { return Form::to_json(trial.tau[bits - 1]); },
            [bits](Trial& trial, const Json& json, const std::string& path) {
              trial.tau[bits - 1] = Form::from_json(json, path);
            }};
  }
  static core::MemberList<Trial> members() {
    std::vector<core::Member<Trial>> list{
        core::member("agree", &Trial::agree, "rows that decode as many bits as their leak predicts"),
        core::member("rows", &Trial::rows, "rows that were tried"),
        core::member("mean_bits", &Trial::mean_bits, "mean number of bits that a row decodes").unit("bits"),
        core::member("mu_plus", &Trial::mu_plus, "largest product of two keys")};
    for (int bits = 1; bits <= scaled_bits; ++bits) list.push_back(tau_member(bits));
    return {std::move(list), core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "bbit_values",
    .statement = R"(A row with leak S decodes exactly ceil(log2(1 + 1/S)) - 1 bits per value when the other rows are as
      bad as they can be.)",
    .note = "A scaling with leak S(tau) = 1/(2^b - 1) therefore forces N d b bits.",
    .source = R"(answers to level l lie in [(1 - lambda) l/M, (1 - lambda) l/M + lambda], M = 2^b - 1: the intervals of
      neighbouring levels are disjoint iff S < 1/M. Multiples of 2^-b separate them; the midpoints between grid values,
      (l + 1/2)/M, would need S < 1/(2 M - 1))",
    .prediction = R"(largest b = ceil(log2(1 + 1/S_i(tau))) - 1 in every row; tau_b solves E S(tau) = 1/(2^b - 1); slope
      of tau_b at most ln 2/(1 - mu+))",
    .allowance = R"(0.01 of the rows: S is computed in float for the prediction and in double for the measurement, and
      the two disagree about rows whose S is within 1e-5 of a threshold. 2 % of tau_b: it is the mean over draws of the
      scaling at which the mean leak of the draw crosses the threshold, and this scaling is not linear in the leak)",
    .refutation = R"(rows that decode more or fewer bits than their leak allows, a scaling that is off by 2 %, or a
      slope above ln 2/(1 - mu+))"};

// Whether every level of b bits is read correctly, with all other rows at 0 and all at 1.
bool reads_all(int bits, double own, double others, bool nearest) {
  const double top = (1 << bits) - 1;
  const auto read = [&](double z) {
    return std::clamp(nearest ? std::round(z * top) : std::ceil(z * (top + 1)) - 1, 0.0, top);
  };
  for (int level = 0; level <= top; ++level) {
    const double value = own * level / top;
    if (read(value) != level || read(value + others) != level) return false;
  }
  return true;
}

// Bits that rows decode with the actual attention weights and the two worst value matrices for every level.
Trial decode(const Parameters& p, const core::RowMatrixF& keys, core::Coins bob, double wrong) {
  const bool nearest = p.mutation == Mutation::nearest_grid_value;
  const auto leaks = attention::leaks(keys, p.tau);
  core::Stream stream(bob, core::Purpose("bbit/rows"), 0);
  boost::random::uniform_int_distribution<Index> any(0, p.tokens - 1);
  const core::RowMatrixD exact = keys.cast<double>();
  Index agree = 0;
  double sum = 0;
  for (Index r = 0; r < p.rows; ++r) {
    const Index i = any(stream);
    const Eigen::VectorXd weights = (wrong * p.tau * (exact * exact.row(i).transpose())).array().exp();
    const double own = weights[i] / weights.sum(), others = (weights.sum() - weights[i]) / weights.sum();
    int bits = 0;
    while (bits < most_bits && reads_all(bits + 1, own, others, nearest)) ++bits;
    agree += bits == std::min(most_bits, theory::decodable_bits(leaks[i]));
    sum += bits;
  }
  Trial trial;
  trial.agree = agree;
  trial.rows = p.rows;
  trial.mean_bits = sum / p.rows;
  return trial;
}

double log_leak(const core::RowMatrixF& keys, double tau) {
  return std::log(core::mean_of(attention::leaks(keys, tau)));
}

// Scalings at which the mean leak of the draw is 1/(2^b - 1).
Trial scale(const core::RowMatrixF& keys, double wrong) {
  double mu = -1;
  for (const float product : attention::largest_products(keys)) mu = std::max<double>(mu, product);
  Trial trial;
  trial.mu_plus = mu;
  // The mean leak falls smoothly, so a secant on its logarithm needs few of these costly evaluations.
  double low = 1, log_low = log_leak(keys, wrong * low);
  for (int bits = 1; bits <= scaled_bits; ++bits) {
    const double target = std::log(theory::grid_leak_threshold(0, bits));
    double high = low + 2, log_high = log_leak(keys, wrong * high);
    for (int step = 0; step < 12 && std::abs(log_high - target) > 1e-5; ++step) {
      const double next = high + (target - log_high) * (high - low) / (log_high - log_low);
      low = high;
      log_low = log_high;
      high = next;
      log_high = log_leak(keys, wrong * high);
    }
    trial.tau[bits - 1] = high;
    low = high;
    log_low = log_high;
  }
  return trial;
}

class BbitValues : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  BbitValues() : MeasuringClaim(claim) {}

  double operations(const Parameters& p) const override { return 1.0 * p.tokens * p.tokens * (p.d + 16) * 10; }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const std::string identity = Json{{"tokens", p.tokens}, {"d", p.d}}.dump();
    core::RowMatrixF keys(p.tokens, p.d);
    geometry::Embeddings::find("sphere", "embedding").rows(turn.coins(identity), p.tokens, 0, keys);
    const double wrong = p.mutation == Mutation::wrong_tau ? 0.8 : 1.0;
    return p.quantity == Quantity::decoding ? decode(p, keys, turn.coins(identity, "bob"), wrong) : scale(keys, wrong);
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json decoding{{"quantity", "decoding"},
                  {"tau", quick ? Json{6, 8, 10, 12, 14} : Json{6, 7, 8, 9, 10, 11, 12, 13, 14, 16}}};
    return {{"grid", {decoding, {{"quantity", "scaling"}}}},
            {"tokens", quick ? 512 : 1024},
            {"stop", analysis::trials(8, quick ? 40 : 120)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    for (const Point& point : points) {
      if (point.parameters.quantity == Quantity::decoding) {
        judge_decoding(point, checks);
      } else {
        judge_scaling(point, checks);
      }
    }
  }

 private:
  using P = Parameters;

  static void judge_decoding(const Point& point, analysis::CheckList& checks) {
    Index agree = 0, asked = 0;
    for (const Trial& trial : point.trials) {
      agree += trial.agree.value();
      asked += trial.rows.value();
    }
    Json at = point.at(&P::tokens, &P::d, &P::tau);
    at.update({{"quantity", "share of rows with the predicted b"},
               {"mean_bits", core::mean_of(point.values(&Trial::mean_bits))}});
    checks.proportion(std::move(at), agree, asked, 1, analysis::at_least(0.99));
  }

  static void judge_scaling(const Point& point, analysis::CheckList& checks) {
    const P& p = point.parameters;
    const auto place = [&](const char* quantity) {
      return analysis::with(point.at(&P::tokens, &P::d), "quantity", quantity);
    };
    const auto scalings = [&](int bits) {
      std::vector<double> list;
      for (const Trial& trial : point.trials) list.push_back(trial.tau[bits - 1].value());
      return list;
    };
    for (int bits = 1; bits <= scaled_bits; ++bits) {
      const auto tau = theory::tau_at_leak([&](double t) { return theory::mean_leak_sphere(p.tokens, p.d, t); },
                                           theory::grid_leak_threshold(0, bits), 500);
      checks.mean(analysis::with(place("tau"), "bits", bits), scalings(bits), *tau,
                  analysis::within_relative(*tau, 0.02));
    }
    const auto high = scalings(8), low = scalings(4), mu = point.values(&Trial::mu_plus);
    std::vector<double> shares;
    for (Index i = 0; i < std::ssize(high); ++i) shares.push_back((high[i] - low[i]) / 4 * (1 - mu[i]) / std::log(2.0));
    checks.mean(place("slope of tau against b, over ln 2/(1 - mu+)"), shares, 1, analysis::at_most(1));
  }
};

const core::Registration<sweep::Experiment, BbitValues> registration;

}  // namespace
}  // namespace kvfrontier::experiments::bbit_values
