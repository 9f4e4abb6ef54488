#include <algorithm>
#include <cmath>
#include <map>

#include "../support/catch.hpp"
#include "../support/three_settings.hpp"
#include "core/errors.hpp"
#include "core/float_format.hpp"
#include "schemes/codec/low_rank.hpp"

namespace kvfrontier::tests::gear {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

struct Recipe {
  int bits;
  Index group, rank;
  double outliers;
  Index chunk = 0;
  std::string tail = "exact", format = "fp32";
  bool official = false;
  int steps() const { return official ? bits * bits - 1 : (1 << bits) - 1; }
  // Outliers a side of a vector; a row has d entries.
  Index each(Index length, Index d, bool keys) const {
    const Index counted = official && keys ? d : length;
    const Index outliers_of_side = std::floor(counted * outliers / 2);
    return std::min(outliers_of_side, length / 2);
  }
  Json json() const {
    return {{"bits", bits},   {"group", group}, {"rank", rank},     {"outliers", outliers},
            {"chunk", chunk}, {"tail", tail},   {"format", format}, {"official", official}};
  }
};

RowMatrixD gear_answers(const reduction::Instance& instance, const Recipe& recipe, const RowMatrixD& queries) {
  return answers_of(params_of(instance, "gear", recipe.json(), 4), instance, queries);
}

void quantise_vector(const Recipe& recipe, std::vector<float>& x) {
  for (Index first = 0; first < std::ssize(x); first += recipe.group) {
    const auto begin = x.begin() + first, end = x.begin() + std::min<Index>(std::ssize(x), first + recipe.group);
    const float least = *std::min_element(begin, end), most = *std::max_element(begin, end);
    const float scale = (most - least) / recipe.steps();
    for (auto entry = begin; entry != end; ++entry) {
      const double wanted = *entry;
      float best = least;
      for (int code = 0; code <= recipe.steps(); ++code) {
        const float level = least + scale * code;
        if (std::abs(level - wanted) < std::abs(best - wanted)) best = level;
      }
      *entry = best;
    }
  }
}

// One chunk of values by the recipe, in single precision; keys are its transpose.
RowMatrixF recipe_value(const Recipe& recipe, const RowMatrixF& rows, bool transposed) {
  const Index vectors = transposed ? rows.cols() : rows.rows(), length = transposed ? rows.rows() : rows.cols();
  if (rows.rows() <= recipe.rank) return rows;
  const Index each = recipe.each(length, rows.cols(), transposed);
  RowMatrixF quantised(rows.rows(), rows.cols()), outlier = RowMatrixF::Zero(rows.rows(), rows.cols());
  for (Index v = 0; v < vectors; ++v) {
    std::vector<float> x;
    for (Index i = 0; i < length; ++i) x.push_back(transposed ? rows(i, v) : rows(v, i));
    std::vector<std::pair<float, Index>> sorted;
    double mean = 0;
    for (Index i = 0; i < length; ++i) {
      sorted.emplace_back(x[i], i);
      mean += 1.0 * x[i] / length;
    }
    std::sort(sorted.begin(), sorted.end());
    for (Index i = 0; i < length; ++i) {
      if (i >= each && i < length - each) continue;
      const Index place = sorted[i].second;
      x[place] = mean;
      (transposed ? outlier(place, v) : outlier(v, place)) = 1;
    }
    quantise_vector(recipe, x);
    for (Index i = 0; i < length; ++i) (transposed ? quantised(i, v) : quantised(v, i)) = x[i];
  }
  const RowMatrixF rest = ((1 - outlier.array()) * (rows - quantised).array()).matrix();
  const RowMatrixF repair =
      schemes::power_fit(rest, std::min({recipe.rank, rows.rows(), rows.cols()}), 3).product().cast<float>();
  if (recipe.official) return (outlier.array() > 0).select(rows, quantised) + repair;
  return (outlier.array() > 0).select(rows, quantised + repair);
}

RowMatrixF by_chunks(const Recipe& recipe, const geometry::Schedule& schedule, const RowMatrixF& rows,
                     bool transposed) {
  RowMatrixF result = rows;
  for (Index first = 0; first < rows.rows();) {
    const Index whole = recipe.chunk > 0 ? recipe.chunk : schedule.first_token(schedule.map_of(first) + 1) - first;
    const Index count = std::min(whole, rows.rows() - first);
    if (count == whole || recipe.tail == "compressed")
      result.middleRows(first, count) = recipe_value(recipe, rows.middleRows(first, count), transposed);
    first += count;
  }
  return result;
}

}  // namespace

TEST_CASE("gear answers as the recipe does", "[gear]") {
  const Index d = 11;
  const RowMatrixD queries = 3 * gaussian_rows(20, d, 7).cast<double>();
  for (const auto& schedule : {sides({1, 2}), sides({1, 2, 4, 8}), sides({1, 2, 4, 8, 16})}) {
    const RowMatrixF keys = gaussian_rows(schedule.tokens(), d, 5), values = gaussian_rows(schedule.tokens(), d, 6);
    const auto instance = given_instance(schedule, keys, values);
    for (const Recipe& recipe :
         {Recipe{2, 64, 4, 0.02}, Recipe{1, 5, 0, 0.4}, Recipe{3, 4, 2, 0.3, 7},
          Recipe{2, 3, 20, 0.2, 10, "compressed"}, Recipe{4, 64, 1, 0, 1}, Recipe{2, 8, 3, 1, 40, "compressed"},
          Recipe{2, 8, 2, 0.4, 0, "exact", "fp32", true}, Recipe{3, 4, 3, 0.3, 7, "compressed", "fp32", true},
          Recipe{8, 64, 0, 0.2, 0, "exact", "fp32", true}}) {
      CAPTURE(schedule.tokens(), recipe.json().dump());
      const RowMatrixD expected =
          attention::softmax_attention_oracle(queries, by_chunks(recipe, schedule, keys, true).cast<double>(),
                                              by_chunks(recipe, schedule, values, false).cast<double>());
      CHECK((gear_answers(instance, recipe, queries) - expected).cwiseAbs().maxCoeff() < 1e-5);
    }
  }
}

TEST_CASE("gear without its repairs is kivi", "[gear]") {
  const Index d = 24;
  const RowMatrixD queries = 3 * gaussian_rows(20, d, 7).cast<double>();
  for (const auto& schedule : {sides({1, 2}), sides({1, 2, 4, 8}), sides({1, 2, 4, 8, 16})}) {
    const auto instance =
        given_instance(schedule, gaussian_rows(schedule.tokens(), d, 5), gaussian_rows(schedule.tokens(), d, 6));
    for (const std::string format : {"fp16", "fp32"}) {
      for (const auto& [bits, group, chunk] : std::vector<std::array<Index, 3>>{{2, 32, 64}, {1, 4, 8}, {4, 7, 7}}) {
        const int small_bits = bits;
        const Recipe recipe{small_bits, group, 0, 0, chunk, "compressed", format};
        const auto gear = params_of(instance, "gear", recipe.json(), 4);
        const auto kivi = params_of(instance, "kivi", {{"bits", bits}, {"group", group}, {"format", format}}, 4);
        CHECK(answers_of(gear, instance, queries) == answers_of(kivi, instance, queries));
        CHECK(simulator::encode(gear, instance).bits.size == simulator::encode(kivi, instance).bits.size);
      }
    }
  }
}

TEST_CASE("gear is exact where a part of it is", "[gear]") {
  const Index d = 10;
  const auto schedule = sides({1, 2, 4, 8, 16});
  const RowMatrixF keys = gaussian_rows(85, d, 5), values = gaussian_rows(85, d, 6);
  const RowMatrixD queries = 3 * gaussian_rows(20, d, 7).cast<double>();
  const auto worst = [&](const RowMatrixF& k, const RowMatrixF& v, const Recipe& recipe) {
    const RowMatrixD exact = attention::softmax_attention_oracle(queries, k.cast<double>(), v.cast<double>());
    return (gear_answers(given_instance(schedule, k, v), recipe, queries) - exact).cwiseAbs().maxCoeff();
  };
  // Constant rows and two levels: the quantiser is exact. Full rank: nothing is left. All entries outliers.
  CHECK(worst(RowMatrixF::Constant(85, d, 0.3f), RowMatrixF::Constant(85, d, -2.5f), {1, 4, 2, 0.1}) < 1e-6);
  CHECK(worst(keys.cwiseSign(), values.cwiseSign(), {1, 5, 0, 0}) < 1e-6);
  CHECK(worst(keys, values, {1, 64, d, 0}) < 1e-5);
  CHECK(worst(keys, values, {1, 64, 0, 1, 2}) < 1e-6);
  CHECK(worst(keys, values, {1, 64, 0, 0}) > 0.01);
  // Each repair lowers the error of the quantiser.
  CHECK(worst(keys, values, {1, 64, 4, 0}) < worst(keys, values, {1, 64, 0, 0}));
  CHECK(worst(keys, values, {1, 64, 0, 0.4}) < worst(keys, values, {1, 64, 0, 0}));
}

TEST_CASE("gear's official code has levels and outliers of its own", "[gear]") {
  const Index d = 10;
  const auto instance = given_instance(sides({8, 16}), gaussian_rows(64, d, 5), gaussian_rows(64, d, 6));
  const auto message = [&](int bits, double outliers, bool official) {
    const Recipe recipe{bits, 64, 4, outliers, 0, "exact", "fp16", official};
    return simulator::encode(params_of(instance, "gear", recipe.json(), 4), instance).bits;
  };
  // 2^b - 1 = b^2 - 1 at 2 and 4 bits: there the code has no quirk but its outliers.
  for (const int bits : {2, 4}) CHECK(message(bits, 0, true) == message(bits, 0, false));
  // Nine codes at b = 3, 64 at b = 8.
  CHECK(message(3, 0, true).size == message(4, 0, false).size);
  CHECK(message(8, 0, true).size == message(6, 0, false).size);
  // 1 a side of a channel of 64 keys, where the share says 6.
  CHECK(message(2, 0.2, false).size - message(2, 0.2, true).size == 2 * 5 * d * (16 + 6));

  const auto& scheme = schemes::Schemes::find("gear", "scheme");
  CHECK_THROWS_AS(scheme.check(params_of(instance, "gear", {{"bits", 1}, {"official", true}}, 4), "scheme"),
                  core::ConfigError);
  CHECK(scheme.fit(params_of(instance, "gear", {{"official", true}}, 4), 0).least_bits == message(2, 0.02, true).size);
}

// Chunk of c rows: c d b + 2 f groups + r (c + d) f + outliers (f + places), groups = d ceil(c/g) and c ceil(d/g).
TEST_CASE("gear has the published size", "[gear]") {
  for (const Index d : {1, 7, 64}) {
    const auto schedule = sides({1, 2, 4, 8, 16});
    const auto instance = given_instance(schedule, gaussian_rows(85, d, 5), gaussian_rows(85, d, 6));
    for (const Recipe& recipe : {Recipe{2, 64, 4, 0.1, 0, "exact", "fp16"}, Recipe{3, 5, 2, 0.5, 30, "exact", "fp16"},
                                 Recipe{3, 5, 2, 0.5, 30, "compressed", "fp16"}, Recipe{2, 64, 4, 0, 64},
                                 Recipe{3, 5, 2, 0.5, 30, "compressed", "fp16", true}}) {
      std::map<std::string, core::Bits> expected;
      const Index f = recipe.format == "fp32" ? 32 : 16;
      const std::vector<Index> counts =
          recipe.chunk > 0 ? (recipe.chunk == 30 ? std::vector<Index>{30, 30, 25} : std::vector<Index>{64, 21})
                           : std::vector<Index>{1, 4, 16, 64};
      for (const Index c : counts) {
        const bool tail = recipe.chunk > 0 && c < recipe.chunk && recipe.tail == "exact";
        if (tail || c <= recipe.rank) {
          expected["residual"] += 2 * c * d * f;
          continue;
        }
        const auto ceil = [](Index a, Index b) { return (a + b - 1) / b; };
        const auto places = [](Index length) {
          Index bits = 0;
          while ((Index{1} << bits) < length) ++bits;
          return bits;
        };
        const Index code_bits = places(recipe.steps() + 1);
        expected["keys"] += c * d * code_bits;
        expected["values"] += c * d * code_bits;
        expected["scales"] += 2 * f * (d * ceil(c, recipe.group) + c * ceil(d, recipe.group));
        expected["low rank"] += 2 * std::min(recipe.rank, d) * (c + d) * f;
        expected["outliers"] +=
            2 * recipe.each(c, d, true) * d * (f + places(c)) + 2 * recipe.each(d, d, false) * c * (f + places(d));
      }
      CAPTURE(d, recipe.json().dump());
      const auto message = simulator::encode(params_of(instance, "gear", recipe.json(), 4), instance);
      std::map<std::string, core::Bits> booked(message.ledger.begin(), message.ledger.end());
      for (const auto& [section, bits] : expected) CHECK(booked[section] == bits);
    }
  }
}

TEST_CASE("gear is as good on three streams as was measured elsewhere", "[gear][three_settings]") {
  const Json options{{"bits", 2}, {"group", 64}, {"rank", 4}, {"outliers", 0.02}};
  CHECK(compare(Tokens::near_orthogonal, "gear", options).relative_error < 0.01);
  const auto clustered = compare(Tokens::clustered, "gear", options),
             low = compare(Tokens::low_dimensional, "gear", options);
  CAPTURE(clustered.relative_error, low.relative_error, low.bits_per_token);
  CHECK(clustered.relative_error > 0.051 / 1.5);
  CHECK(clustered.relative_error < 0.051 * 1.5);
  CHECK(low.relative_error > 0.33 / 1.5);
  CHECK(low.relative_error < 0.33 * 1.5);
}

}  // namespace kvfrontier::tests::gear
