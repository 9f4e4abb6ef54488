#include "reduction/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "attention/all_pairs.hpp"
#include "attention/attention.hpp"
#include "core/errors.hpp"

using namespace kvfrontier;
using namespace kvfrontier::tests;
using reduction::Scaling;

namespace {

// min_i (|k_i|^2 - max_{j != i} <k_i, k_j>) by three loops. Products of floats are exact in long double, sums nearly
// so.
long double true_margin(const core::RowMatrixF& keys) {
  long double margin = std::numeric_limits<long double>::infinity();
  for (Index i = 0; i < keys.rows(); ++i) {
    for (Index j = 0; j < keys.rows(); ++j) {
      if (i == j) continue;
      long double difference = 0;
      for (Index c = 0; c < keys.cols(); ++c) {
        difference += static_cast<long double>(keys(i, c)) * (static_cast<long double>(keys(i, c)) - keys(j, c));
      }
      margin = std::min(margin, difference);
    }
  }
  return margin;
}

geometry::Schedule schedule_of(Index tokens) {
  switch (tokens) {
    case 1:
      return sides({1, 2});
    case 4:
      return sides({2, 3});
    case 5:
      return sides({1, 2, 4});
    case 21:
      return sides({1, 2, 4, 8});
    case 85:
      return sides({1, 2, 4, 8, 16});
    case 341:
      return sides({1, 2, 4, 8, 16, 32});
  }
  throw std::logic_error("no such size");
}

}  // namespace

TEST_CASE("the certified margin is never above the true one and loses only rounding", "[certificate]") {
  for (const std::string& embedding : geometry::Embeddings::names()) {
    for (const Index tokens : {4, 21, 85, 341}) {
      for (const Index d : {3, 16, 64, 100, 256}) {
        const auto params = instance_params(schedule_of(tokens), d, embedding);
        if (!params.keys().why_impossible(tokens, d).empty()) continue;
        for (std::uint64_t trial = 0; trial < 3; ++trial) {
          CAPTURE(embedding, tokens, d, trial);
          const auto instance = index_instance(params, trial);
          const core::RowMatrixF keys = all_keys(*instance);
          const auto certificate = reduction::certify(*instance);
          const long double margin = true_margin(keys);
          REQUIRE(certificate.margin <= margin);
          // One bound for the product's own rounding, one subtracted for safety.
          REQUIRE(certificate.margin >= margin - 2 * attention::product_rounding_bound(keys) - 1e-12);
          const auto threaded = reduction::certify(*instance, 2);
          REQUIRE(threaded.margin == certificate.margin);
          REQUIRE(threaded.mu_plus == certificate.mu_plus);
        }
      }
    }
  }
}

TEST_CASE("keys of unequal norms are certified by their own norm", "[certificate]") {
  core::RowMatrixF keys(4, 2), values = core::RowMatrixF::Zero(4, 2);
  keys << 3, 0, 1, 0.5f, 0, 2, -1, -1;
  const auto instance = given_instance(sides({2, 3}), keys, values);
  // Row 1: |k|^2 = 1.25 and <k_1, k_0> = 3.
  CHECK(reduction::certify(instance).margin == Approx(-1.75).margin(1e-5));
  CHECK(reduction::certify(instance).margin <= -1.75);
  CHECK(reduction::certify(instance).mu_plus == 3);
}

TEST_CASE("one token is certified at tau = 0", "[certificate]") {
  const auto instance = index_instance(instance_params(schedule_of(1), 8), 0);
  const auto certificate = reduction::certify(*instance);
  CHECK(certificate.margin == std::numeric_limits<double>::infinity());
  CHECK(certificate.mu_plus == -std::numeric_limits<double>::infinity());
  CHECK(reduction::certified_tau(certificate.margin, 1, 0.5, 500) == 0.0);
  const auto params = params_of(*instance, "exact", Json::object(), 0);
  CHECK(answers_of(params, *instance, core::RowMatrixD::Zero(1, 8)) == all_values(*instance).cast<double>());
}

TEST_CASE("two equal keys have no certificate", "[certificate]") {
  core::RowMatrixF keys = gaussian_rows(5, 9, 1);
  keys.row(3) = keys.row(1);
  const auto twins = given_instance(schedule_of(5), keys, core::RowMatrixF::Zero(5, 9));
  const double margin = reduction::certify(twins).margin;
  CHECK(margin <= 0);
  CHECK_FALSE(reduction::certified_tau(margin, 5, 0.5, 1e12));
  // 21 rows of 3 signs: eight different keys at most.
  const auto crowded = index_instance(instance_params(schedule_of(21), 3, "rademacher"), 0);
  CHECK(reduction::certify(*crowded).margin <= 0);
}

TEST_CASE("the certified scaling is its formula", "[certificate]") {
  // (1 + 1e-3) [ln 84 + ln 3] / 0.5 at eta = 1/2, where 2 artanh(1/2) = ln 3.
  CHECK(reduction::certified_tau(0.5, 85, 0.5, 500).value() == Approx(1.001 * std::log(252.0) / 0.5).epsilon(1e-13));
  CHECK(reduction::certified_tau(0.5, 85, 0, 500).value() == Approx(1.001 * std::log(84.0) / 0.5).epsilon(1e-13));
  CHECK(reduction::certified_tau(0.5, 2, 0, 500) == 0.0);  // two tokens, nothing to tolerate: any tau > 0 would do
  const double tau = reduction::certified_tau(0.25, 21, 0.5, 500).value();
  CHECK(reduction::certified_tau(0.25, 21, 0.5, tau));
  CHECK_FALSE(reduction::certified_tau(0.25, 21, 0.5, tau * (1 - 1e-12)));
  CHECK_FALSE(reduction::certified_tau(0, 21, 0.5, 500));
  CHECK_FALSE(reduction::certified_tau(-1, 21, 0.5, 500));
  CHECK_FALSE(reduction::certified_tau(std::nan(""), 21, 0.5, 500));
}

// Row i's own weight p_i decides: with values e_i the answer to row i's query is p_i, the least that a 1 can read; with
// all others 1 it is 1 - p_i, the most that a 0 can read. Any (1 +- eta) approximation of both lies on the right side
// of (1 - eta^2)/2 iff p_i > (1 + eta)/2.
TEST_CASE("at the certified scaling every row decodes for the worst values", "[certificate]") {
  const core::RowMatrixD unit85 = core::RowMatrixD::Identity(85, 85);
  for (const std::string& embedding : geometry::Embeddings::names()) {
    for (const Index tokens : {4, 21, 85}) {
      for (const Index d : {16, 64, 128}) {
        const auto params = instance_params(schedule_of(tokens), d, embedding);
        if (!params.keys().why_impossible(tokens, d).empty()) continue;
        for (const double eta : {0.0, 0.5, 0.9}) {
          for (std::uint64_t trial = 0; trial < 2; ++trial) {
            CAPTURE(embedding, tokens, d, eta, trial);
            const auto instance = index_instance(params, trial);
            const auto tau = reduction::certified_tau(reduction::certify(*instance).margin, tokens, eta, 1e6);
            if (!tau) continue;  // duplicates among few signs
            const core::RowMatrixD keys = all_keys(*instance).cast<double>();
            const core::RowMatrixD weights =
                attention::softmax_attention_oracle(*tau * keys, keys, unit85.topLeftCorner(tokens, tokens));
            REQUIRE(weights.diagonal().minCoeff() > (1 + eta) / 2);
          }
        }
      }
    }
  }
  // And not much earlier: orthonormal keys meet the bound, so 2 permille less is too little.
  const auto instance = index_instance(instance_params(schedule_of(85), 128, "orthonormal"), 0);
  const double tau = tau_of(*instance, 0.5) * (1 - 2e-3);
  const core::RowMatrixD keys = all_keys(*instance).cast<double>();
  CHECK(attention::softmax_attention_oracle(tau * keys, keys, unit85).diagonal().maxCoeff() < 0.75);
}

TEST_CASE("scalings are read strictly", "[certificate]") {
  for (const Json& json : {Json("certified"), Json("typical"), Json("union"), Json(3.5), Json(0)}) {
    CHECK(Scaling::parse(json, "tau").to_json() == json);
  }
  const auto error = [](const Json& json) {
    try {
      Scaling::parse(json, "grid.tau[1]");
    } catch (const core::ConfigError& caught) {
      return caught.path + " " + caught.nearest;
    }
    return std::string("no error");
  };
  CHECK(error("certifed") == "grid.tau[1] certified");
  CHECK(error(-1) == "grid.tau[1] ");
  CHECK(error(nullptr) == "grid.tau[1] ");
  CHECK(error(true) == "grid.tau[1] ");
}

TEST_CASE("closed-form scalings solve their equations", "[certificate]") {
  const auto params = instance_params(schedule_of(85), 64);
  CHECK(reduction::closed_form_tau({Scaling::Kind::fixed, 3.5}, params, 0.5, 1, "tau") == 3.5);
  const double typical = reduction::closed_form_tau({Scaling::Kind::typical, 0}, params, 0.5, 500, "tau");
  // Mean leak (1 - eta)/(1 + eta) = 1/3.
  CHECK(params.keys().mean_leak(85, 64, typical).value() == Approx(1.0 / 3).epsilon(1e-9));
  const double united = reduction::closed_form_tau({Scaling::Kind::united, 0}, params, 0.5, 500, "tau");
  CHECK(united == reduction::certified_tau(1 - params.keys().coherence(85, 64, 0.01).mu_plus, 85, 0.5, 500).value());
  CHECK(united > typical);
}

// The error names the least dimension above the one asked for that would do; here it is found by trying every one.
TEST_CASE("a closed form out of its range names the least dimension", "[certificate]") {
  const struct {
    const char* embedding;
    Index tokens, d;
    Scaling::Kind kind;
    double eta, max_tau;
  } cases[] = {
      {"sphere", 21, 4, Scaling::Kind::united, 0.5, 500},    {"sphere", 85, 16, Scaling::Kind::united, 0.5, 12},
      {"sphere", 341, 60, Scaling::Kind::typical, 0.5, 7.2}, {"rademacher", 85, 5, Scaling::Kind::typical, 0.5, 500},
      {"srht", 85, 5, Scaling::Kind::united, 0, 30},         {"kerdock", 85, 16, Scaling::Kind::united, 0.5, 6},
      {"kerdock", 85, 16, Scaling::Kind::typical, 0.5, 5.8}};
  for (const auto& c : cases) {
    CAPTURE(c.embedding, c.tokens, c.d, c.max_tau);
    auto params = instance_params(schedule_of(c.tokens), c.d, c.embedding);
    const auto works = [&](Index d) {
      params.d = d;
      if (!params.keys().why_impossible(c.tokens, d).empty()) return false;
      try {
        reduction::closed_form_tau({c.kind, 0}, params, c.eta, c.max_tau, "tau");
        return true;
      } catch (const core::ConfigError&) {
        return false;
      }
    };
    REQUIRE_FALSE(works(c.d));
    Index least = c.d + 1;
    while (least < 4096 && !works(least)) ++least;
    REQUIRE(least < 4096);
    params.d = c.d;
    try {
      reduction::closed_form_tau({c.kind, 0}, params, c.eta, c.max_tau, "grid.tau");
      FAIL("no error");
    } catch (const core::ConfigError& error) {
      CHECK(error.path == "grid.tau");
      CHECK(error.allowed == "d of at least " + std::to_string(least) + ", or certified, or a number");
    }
  }
  // No dimension helps against a max_tau below ln(N-1).
  const auto params = instance_params(schedule_of(85), 16);
  CHECK_THROWS_WITH(reduction::closed_form_tau({Scaling::Kind::united, 0}, params, 0.5, 1, "tau"),
                    Contains("no d up to 65536"));
}
