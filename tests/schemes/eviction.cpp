// uniform, streaming_llm and h2o: which tokens they keep, and what keeping them is worth.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <map>
#include <numeric>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/attention.hpp"
#include "core/float_format.hpp"
#include "core/statistics.hpp"
#include "simulator/decoding.hpp"

namespace kvfrontier::tests::eviction {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Values that tell which token they belong to, in a width of their own.
RowMatrixF numbered(Index tokens, Index d) {
  RowMatrixF values = RowMatrixF::Zero(tokens, d);
  for (Index i = 0; i < tokens; ++i) values(i, 0) = i;
  return values;
}

// The kept tokens, read off a message over numbered values.
std::vector<Index> kept(const std::string& scheme, Json options, const reduction::Instance& instance, double tau = 4) {
  options["format"] = "fp32";
  const auto message = simulator::encode(params_of(instance, scheme, options, tau), instance);
  const Index d = instance.params().d;
  const Index rows = message.bits.size / (64 * d);
  core::BitReader reader(message.bits);
  std::vector<float> row(d);
  for (Index i = 0; i < rows; ++i) core::get_floats(reader, core::FloatFormat::fp32, row.data(), row.size());
  std::vector<Index> tokens;
  for (Index i = 0; i < rows; ++i) {
    core::get_floats(reader, core::FloatFormat::fp32, row.data(), row.size());
    tokens.push_back(row[0]);
  }
  return tokens;
}

std::vector<Index> range(Index first, Index end) {
  std::vector<Index> list(std::max<Index>(0, end - first));
  std::iota(list.begin(), list.end(), first);
  return list;
}

std::vector<Index> first_and_last(Index tokens, Index first, Index last) {
  std::vector<Index> list = range(0, std::min(first, tokens));
  const auto tail = range(std::max(std::min(first, tokens), tokens - last), tokens);
  list.insert(list.end(), tail.begin(), tail.end());
  return list;
}

core::BitString message_bits(const std::string& scheme, const Json& options, const reduction::Instance& instance,
                             double tau = 4) {
  return simulator::encode(params_of(instance, scheme, options, tau), instance).bits;
}

// The policy as it is told, in double: scores of all kept tokens grow by their softmax weight under the proxy query of
// the newest; over capacity the smallest score that is not among the `recent` newest goes, the older of equals first.
std::vector<Index> heavy_hitters(const RowMatrixF& keys, Index heavy, Index recent, double tau, bool mean,
                                 const std::function<RowMatrixD(Index)>& proxy) {
  std::vector<Index> tokens;
  std::map<Index, double> scores;
  for (Index newest = 0; newest < keys.rows(); ++newest) {
    tokens.push_back(newest);
    const RowMatrixD direction = proxy(newest);
    const double norm = direction.norm();
    std::vector<double> weights;
    double largest = -1e300, sum = 0;
    for (const Index token : tokens) {
      weights.push_back(tau / norm * direction.row(0).dot(keys.row(token).cast<double>()));
      largest = std::max(largest, weights.back());
    }
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    for (Index i = 0; i < std::ssize(tokens); ++i) scores[tokens[i]] += weights[i] / sum;
    if (std::ssize(tokens) <= heavy + recent) continue;
    auto victim = tokens.end();
    double lowest = 0;
    for (auto token = tokens.begin(); token != tokens.end(); ++token) {
      const Index age = newest - *token;
      if (age < recent) continue;
      const double score = mean ? scores[*token] / (age + 1) : scores[*token];
      if (victim == tokens.end() || score < lowest) {
        victim = token;
        lowest = score;
      }
    }
    tokens.erase(victim);
  }
  return tokens;
}

}  // namespace

// 20,000 draws; five standard errors for each of 14 tokens and 91 pairs: about 105 checks at 6e-7.
TEST_CASE("uniform keeps every token with m/N and every pair with m(m-1)/(N(N-1))", "[uniform]") {
  constexpr Index tokens = 14, m = 5;
  constexpr int draws = 20'000;
  std::map<Index, int> single;
  std::map<std::pair<Index, Index>, int> pairs;
  const RowMatrixF rows = numbered(tokens, 1);
  for (int draw = 0; draw < draws; ++draw) {
    const auto instance = given_instance(sides({1, 2, 3, 4}), rows, rows, draw);
    const auto list = kept("uniform", {{"kept", m}}, instance);
    REQUIRE(std::ssize(list) == m);
    for (Index i = 0; i < m; ++i) {
      ++single[list[i]];
      for (Index j = 0; j < i; ++j) ++pairs[{list[j], list[i]}];
    }
  }
  const auto near = [&](int count, double probability) {
    return std::abs(count - draws * probability) < 5 * std::sqrt(draws * probability * (1 - probability));
  };
  for (Index i = 0; i < tokens; ++i) {
    CHECK(near(single[i], 1.0 * m / tokens));
    for (Index j = 0; j < i; ++j) CHECK(near(pairs[{j, i}], 1.0 * (m * (m - 1)) / (tokens * (tokens - 1))));
  }
}

TEST_CASE("uniform samples are nested and depend on the public coins alone", "[uniform]") {
  const auto one = given_instance(sides({1, 2, 3, 4, 5}), numbered(30, 2), numbered(30, 2), 1);
  std::vector<Index> smaller;
  for (const Index m : {0, 1, 2, 7, 29, 30, 1000}) {
    const auto list = kept("uniform", {{"kept", m}}, one);
    CHECK(std::ssize(list) == std::min<Index>(m, 30));
    CHECK(std::includes(list.begin(), list.end(), smaller.begin(), smaller.end()));
    smaller = list;
  }
  const auto other = given_instance(sides({1, 2, 3, 4, 5}), numbered(30, 2), numbered(30, 2), 2);
  CHECK(kept("uniform", {{"kept", 7}}, one) != kept("uniform", {{"kept", 7}}, other));
}

// At tau = 0 the answer is the sample mean: E |z - z*|^2 = (1/m)(1 - m/N) S^2 over the coins.
TEST_CASE("uniform at tau = 0 has the variance of sampling without replacement", "[uniform]") {
  constexpr Index tokens = 21, m = 6, d = 3;
  constexpr int draws = 4000;
  const RowMatrixF values = gaussian_rows(tokens, d, 8);
  const RowMatrixD centre = values.cast<double>().colwise().mean();
  const double s2 = (values.cast<double>().rowwise() - centre.row(0)).squaredNorm() / (tokens - 1);
  std::vector<double> squares;
  for (int draw = 0; draw < draws; ++draw) {
    const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(tokens, d, 9), values, draw);
    const RowMatrixD answer = answers_of(params_of(instance, "uniform", {{"kept", m}, {"format", "fp32"}}, 0), instance,
                                         RowMatrixD::Zero(1, d));
    squares.push_back((answer - centre).squaredNorm());
  }
  const core::Interval interval = core::student_interval(squares, 1 - 1e-6);
  const double expected = (1.0 - 1.0 * m / tokens) / m * s2;
  CHECK(interval.lo <= expected);
  CHECK(expected <= interval.hi);
  CHECK(interval.hi - interval.lo < 0.3 * expected);
}

TEST_CASE("streaming_llm keeps the sinks and the window", "[streaming_llm]") {
  const auto check = [](const geometry::Schedule& schedule) {
    const Index tokens = schedule.tokens();
    const auto instance = given_instance(schedule, numbered(tokens, 2), numbered(tokens, 2));
    for (const Index sinks : {0, 1, 4, 13, 40}) {
      for (const Index window : {0, 1, 2, 5, 17, 30, 1000}) {
        CAPTURE(tokens, sinks, window);
        CHECK(kept("streaming_llm", {{"sinks", sinks}, {"window", window}}, instance) ==
              first_and_last(tokens, sinks, window));
      }
    }
  };
  check(sides({1, 2}));
  check(sides({1, 2, 4, 8}));
  check(sides({1, 2, 3, 4, 5}));
  // Sinks counted in maps: 1, 4, 9 and 16 tokens.
  const auto instance = given_instance(sides({1, 2, 3, 4, 5}), numbered(30, 2), numbered(30, 2));
  const Index sinks_of[] = {0, 1, 5, 14, 30, 30};
  for (int scales = 0; scales <= 5; ++scales) {
    CHECK(kept("streaming_llm", {{"sink_scales", scales}, {"sinks", 3}, {"window", 6}}, instance) ==
          first_and_last(30, sinks_of[scales], 6));
  }
}

TEST_CASE("with room for all, every eviction scheme sends the exact cache bit for bit",
          "[uniform][streaming_llm][h2o]") {
  for (const auto& schedule : {sides({1, 2}), sides({1, 2, 4, 8}), sides({1, 2, 3, 4, 5})}) {
    const Index tokens = schedule.tokens();
    const auto instance = index_instance(instance_params(schedule, 9), 3);
    for (const char* keys : {"stored", "public"}) {
      for (const char* format : {"fp16", "bf16", "fp32"}) {
        const auto with = [&](Json options) {
          options["keys"] = keys;
          options["format"] = format;
          return options;
        };
        const core::BitString exact = message_bits("exact", with(Json::object()), *instance);
        for (const Index room : {tokens, tokens + 3}) {
          CHECK(message_bits("uniform", with({{"kept", room}}), *instance) == exact);
          CHECK(message_bits("streaming_llm", with({{"window", room}, {"sinks", 0}}), *instance) == exact);
          CHECK(message_bits("streaming_llm", with({{"window", room}}), *instance) == exact);
          CHECK(message_bits("h2o", with({{"heavy", room / 2}, {"recent", room - room / 2}}), *instance) == exact);
          CHECK(message_bits("h2o", with({{"heavy", room}, {"recent", 0}, {"score", "mean"}, {"proxy", "random"}}),
                             *instance) == exact);
        }
        if (tokens > 1) CHECK_FALSE(message_bits("uniform", with({{"kept", tokens - 1}}), *instance) == exact);
      }
    }
  }
}

TEST_CASE("h2o without heavy tokens is streaming_llm without sinks", "[h2o]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), 12), 0);
  for (const Index recent : {0, 1, 2, 7, 20, 21}) {
    for (const char* score : {"sum", "mean"}) {
      for (const char* keys : {"stored", "public"}) {
        CHECK(message_bits("h2o", {{"heavy", 0}, {"recent", recent}, {"score", score}, {"keys", keys}}, *instance) ==
              message_bits("streaming_llm", {{"sinks", 0}, {"window", recent}, {"keys", keys}}, *instance));
      }
    }
  }
}

TEST_CASE("h2o at tau = 0 sums age, so the first tokens stay for ever", "[h2o]") {
  const auto instance = given_instance(sides({1, 2, 3, 4, 5}), gaussian_rows(30, 4, 1), numbered(30, 4));
  for (const Index heavy : {1, 2, 5, 11}) {
    for (const Index recent : {1, 2, 5, 11}) {
      for (const char* proxy : {"k2k", "random"}) {
        CHECK(kept("h2o", {{"heavy", heavy}, {"recent", recent}, {"proxy", proxy}}, instance, 0) ==
              first_and_last(30, heavy, recent));
      }
    }
  }
}

// All keys point one way, so every proxy query does; the planted key is the longest and takes nearly all attention.
// Summed scores favour age, so there it comes first; the mean forgets age, so there it may come at any time.
TEST_CASE("h2o keeps a planted key that every query points at", "[h2o]") {
  constexpr Index tokens = 21, d = 3;
  for (Index planted = 0; planted < tokens; ++planted) {
    RowMatrixF keys = RowMatrixF::Zero(tokens, d);
    keys.col(1).setConstant(0.1f);
    keys(planted, 1) = 2;
    const auto instance = given_instance(sides({1, 2, 4, 8}), keys, numbered(tokens, d));
    for (const Index recent : {1, 2, 6}) {
      for (const Index heavy : {1, 3}) {
        CAPTURE(planted, heavy, recent);
        const auto by_mean = kept("h2o", {{"heavy", heavy}, {"recent", recent}, {"score", "mean"}}, instance, 8);
        CHECK(std::count(by_mean.begin(), by_mean.end(), planted) == 1);
        if (planted > 0) continue;
        const auto by_sum = kept("h2o", {{"heavy", heavy}, {"recent", recent}}, instance, 8);
        CHECK(std::count(by_sum.begin(), by_sum.end(), planted) == 1);
      }
    }
  }
}

// Float and double scores differ by about 1e-6; the seeds are fixed and no pair of scores of these streams is that
// close.
TEST_CASE("h2o keeps what the slow policy keeps", "[h2o]") {
  constexpr Index tokens = 30, d = 5;
  int beyond_window = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const RowMatrixF keys = gaussian_rows(tokens, d, 100 + seed);
    const auto instance = given_instance(sides({1, 2, 3, 4, 5}), keys, numbered(tokens, d), seed);
    const double tau = 2.0 + seed;
    for (const auto& [heavy, recent] : {std::pair{1, 1}, {1, 4}, {4, 1}, {5, 5}, {8, 0}, {12, 12}}) {
      for (const bool mean : {false, true}) {
        for (const bool random : {false, true}) {
          CAPTURE(seed, heavy, recent, mean, random);
          const auto proxy = [&](Index token) -> RowMatrixD {
            if (!random) return keys.row(token).cast<double>();
            core::Stream stream(instance.coins().open, core::Purpose("h2o/proxy"), token);
            boost::random::normal_distribution<double> normal;
            RowMatrixD direction(1, d);
            for (Index c = 0; c < d; ++c) direction(0, c) = normal(stream);
            return direction;
          };
          const auto list = kept("h2o",
                                 {{"heavy", heavy},
                                  {"recent", recent},
                                  {"score", mean ? "mean" : "sum"},
                                  {"proxy", random ? "random" : "k2k"}},
                                 instance, tau);
          CHECK(list == heavy_hitters(keys, heavy, recent, tau, mean, proxy));
          beyond_window += list != first_and_last(tokens, heavy, recent);
        }
      }
    }
  }
  // The scores decide something.
  CHECK(beyond_window > 120);
}

// Keep set S of exact mass P: z_S - z* = (1 - P)(z_S - z_rest).
TEST_CASE("dropping tokens errs by the dropped mass times the difference of the two averages", "[streaming_llm]") {
  constexpr Index tokens = 21, d = 7;
  const auto instance = given_instance(sides({1, 2, 4, 8}), gaussian_rows(tokens, d, 4), gaussian_rows(tokens, d, 5));
  const RowMatrixD keys = all_keys(instance).cast<double>(), values = all_values(instance).cast<double>();
  const RowMatrixD queries = 3 * gaussian_rows(25, d, 6).cast<double>();
  const auto params = params_of(instance, "streaming_llm", {{"sinks", 3}, {"window", 6}, {"format", "fp32"}}, 3);
  const RowMatrixD answers = answers_of(params, instance, queries);
  const RowMatrixD exact = attention::softmax_attention_oracle(queries, keys, values);
  const RowMatrixD weights = attention::softmax_attention_oracle(queries, keys, RowMatrixD::Identity(tokens, tokens));
  const RowMatrixD rest =
      attention::softmax_attention_oracle(queries, keys.middleRows(3, 12), values.middleRows(3, 12));
  for (Index q = 0; q < queries.rows(); ++q) {
    const double dropped = weights.row(q).segment(3, 12).sum();
    CHECK((answers.row(q) - exact.row(q) - dropped * (answers.row(q) - rest.row(q))).cwiseAbs().maxCoeff() < 1e-12);
  }
}

// Kept rows of a certified instance have no error; the answer to an evicted row is a function of other rows' bits, so
// each of its bits is wrong with probability 1/2. Queries are uniform: (1 - f)/2 with the realised fraction f.
TEST_CASE("eviction errs by (1 - f)/2 on INDEX", "[uniform][streaming_llm][h2o]") {
  constexpr int trials = 60;
  constexpr Index d = 40, queries = 64;
  const auto params = instance_params(sides({1, 2, 4, 8}), d);
  const struct {
    const char* scheme;
    Json options;
    double kept;
  } cases[] = {{"uniform", {{"kept", 5}}, 5},
               {"uniform", {{"kept", 14}, {"keys", "public"}}, 14},
               {"streaming_llm", {{"window", 6}, {"keys", "public"}}, 10},
               {"streaming_llm", {{"window", 3}, {"sinks", 0}}, 3},
               {"h2o", {{"heavy", 4}, {"recent", 4}, {"keys", "public"}}, 8},
               {"h2o", {{"heavy", 10}, {"recent", 8}, {"proxy", "random"}, {"score", "mean"}}, 18}};
  for (const auto& c : cases) {
    std::vector<core::TrialErrors> errors;
    for (std::uint64_t trial = 0; trial < trials; ++trial) {
      const auto instance = index_instance(params, trial);
      const double tau = tau_of(*instance);
      const RowMatrixF keys = all_keys(*instance), values = all_values(*instance);
      const auto rows = instance->queried_rows(queries);
      RowMatrixD asked(queries, d), bits(queries, d);
      for (Index q = 0; q < queries; ++q) {
        asked.row(q) = tau * keys.row(rows[q]).cast<double>();
        bits.row(q) = values.row(rows[q]).cast<double>();
      }
      Json options = c.options;
      options["format"] = "fp32";
      const RowMatrixD answers = answers_of(params_of(*instance, c.scheme, options, tau), *instance, asked);
      const std::vector<double> rows_wrong = simulator::row_errors(answers, bits, 0, 1);
      errors.push_back({std::accumulate(rows_wrong.begin(), rows_wrong.end(), 0.0), queries});
    }
    const core::Interval interval = core::error_interval(errors, 1 - 1e-5);
    const double expected = (1 - c.kept / 21) / 2;
    CAPTURE(c.scheme, c.options.dump(), interval.lo, interval.hi, expected);
    CHECK(interval.lo <= expected);
    CHECK(expected <= interval.hi);
    CHECK(interval.hi - interval.lo < 0.1);
  }
}

}  // namespace kvfrontier::tests::eviction
