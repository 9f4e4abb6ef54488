// How many tokens a second every scheme absorbs on one core: absorb_rate [SIDE] [RATE]. INDEX keys and values of width
// 64 in blocks of 64; schemes with a size are fitted to RATE bits per value entry. Every scheme has
// its default options, so keys are stored where they can be. Seconds are those of this process on the CPU, so that a
// busy machine disturbs them less. Every message is as long as its encoder says, or the program stops.
//
// A goal out of reach of a published algorithm is `forbidden`: its operations a token are counted, and this core would
// have to do them faster than it multiplies matrices.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "core/errors.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "simulator/game.hpp"

namespace {

using namespace kvfrontier;
using core::Index;
using core::Json;

constexpr Index width = 64;
constexpr int chunk = 64, repeats = 3;
constexpr double goal = 1e5;  // tokens a second

schemes::PublicParams params_of(const schemes::Scheme& scheme, const Json& given, const reduction::Instance& instance,
                                double rate) {
  schemes::PublicParams params;
  params.schedule = instance.params().schedule;
  params.d = width;
  params.embedding = instance.params().embedding;
  params.tau = 16;
  params.chunk = chunk;
  params.scheme = scheme.name();
  params.key = instance.coins().open;
  params.options = scheme.options().resolve(given, "scheme");
  const auto budget = static_cast<std::uint64_t>(rate * static_cast<double>(params.tokens() * width));
  const schemes::Fit fit = scheme.fit(params, budget);
  params.options = fit.options ? *fit.options : *scheme.fit(params, fit.least_bits).options;
  return params;
}

// Members of one family of methods each have a speed of their own.
std::vector<Json> variants(const schemes::Scheme& scheme) {
  for (const auto& option : scheme.options().options()) {
    if (option.name != "member" && option.name != "mode" && option.name != "dictionary") continue;
    std::vector<Json> list;
    for (const auto& choice : option.choices) list.push_back({{option.name, choice}});
    return list;
  }
  return {Json::object()};
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Operations a second of a product of matrices in single precision, best of 20: the most that this core does.
double product_rate() {
  constexpr Index side = 512;
  const core::RowMatrixF a = core::RowMatrixF::Constant(side, side, 1), b = a;
  core::RowMatrixF product(side, side);
  double best = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    const double start = cpu_seconds();
    product.noalias() = a * b;
    if (product(0, 0) != static_cast<float>(side)) std::exit(1);
    best = std::max(best, 2.0 * side * side * side / std::max(cpu_seconds() - start, 1e-6));
  }
  return best;
}

struct Complexity {
  const char* formula = nullptr;  // of the published algorithm; null: none is known that would forbid the goal
  double operations = 0;          // of a token
};

// Clusters of a stream by merge and reduce: whenever a block of tokens is full, the k slots and the block are clustered
// again, by greedy k-means++ (2 + ln k candidates a seed, a distance each from all points) and Lloyd's rounds.
Complexity complexity(const schemes::PublicParams& params) {
  const core::Json& options = params.options;
  if (params.scheme != "kmeans" && !(params.scheme == "abc" && options.at("member") == "cluster")) return {};
  const double k = std::min(options.at("slots").get<double>(), static_cast<double>(params.tokens()));
  const double again = 1 + k / options.at("block").get<double>();
  const double distances = 3 * (2 + std::floor(std::log(k))), products = 2 * (options.at("rounds").get<double>() + 1);
  return {"(1 + k/block) k d (3 (2 + ln k) + 2 (rounds + 1))", again * k * width * (distances + products)};
}

std::string verdict(double per_second, const Complexity& complexity, double core_rate) {
  if (per_second >= goal) return "met";
  if (complexity.operations * goal <= core_rate) return "missed";
  char text[200];
  std::snprintf(text, sizeof text, "forbidden: %s = %.2g operations a token, %.2g tokens/s at %.2g operations/s",
                complexity.formula, complexity.operations, core_rate / complexity.operations, core_rate);
  return text;
}

// Best of `repeats`, construction and the last write included.
double seconds(const schemes::Scheme& scheme, const schemes::PublicParams& params, const core::RowMatrixF& keys,
               const core::RowMatrixF& values) {
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double start = cpu_seconds();
    const auto encoder = scheme.encoder(params);
    for (int scale = 0; scale < params.schedule.scales(); ++scale) {
      const Index end = params.schedule.first_token(scale + 1);
      for (Index first = params.schedule.first_token(scale); first < end; first += chunk) {
        const Index count = std::min<Index>(chunk, end - first);
        encoder->absorb({scale, first, keys.middleRows(first, count), values.middleRows(first, count)});
      }
    }
    core::BitWriter writer;
    encoder->write(writer);
    best = std::min(best, cpu_seconds() - start);
    if (writer.bits().size != encoder->state_bits()) {
      std::fprintf(stderr, "%s: the message is not as long as the encoder says\n", scheme.name().c_str());
      std::exit(1);
    }
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const int side = argc > 1 ? std::atoi(argv[1]) : 128;
  const double rate = argc > 2 ? std::atof(argv[2]) : 4;
  if (argc > 3 || side < 2 || (side & (side - 1)) != 0 || !(rate > 0)) {
    std::fprintf(stderr, "usage: %s [SIDE] [RATE], SIDE a power of two\n", argv[0]);
    return 2;
  }
  reduction::InstanceParams instance_params;
  instance_params.schedule = geometry::Schedule::named("doubling", side);
  instance_params.d = width;
  const auto instance = reduction::make_instance(instance_params, reduction::Coins::derive(1, instance_params, 0));
  const Index tokens = instance_params.tokens();
  core::RowMatrixF keys(tokens, width), values(tokens, width);
  instance->keys(0, keys);
  instance->values(0, values);

  const double core_rate = product_rate();
  std::printf("%ld tokens of width %ld, rate %g, one core; goal %.0f tokens a second\n", static_cast<long>(tokens),
              static_cast<long>(width), rate, goal);
  std::printf("%-28s %12s %8s  %s\n", "scheme", "tokens/s", "rate", "goal");
  for (const auto& name : schemes::self_contained_schemes()) {
    const auto& scheme = schemes::Schemes::find(name, "scheme");
    for (const Json& given : variants(scheme)) {
      const schemes::PublicParams params = params_of(scheme, given, *instance, rate);
      try {
        scheme.check(params, name);
      } catch (const core::ConfigError&) {
        continue;  // it needs an instance of another family
      }
      const double per_second = static_cast<double>(tokens) / seconds(scheme, params, keys, values);
      const auto bits = static_cast<double>(simulator::encode(params, *instance).bits.size);
      std::string label = name;
      for (const auto& [option, value] : given.items()) label.append(" ").append(value.get<std::string>());
      std::printf("%-28s %12.0f %8.2f  %s\n", label.c_str(), per_second, bits / static_cast<double>(tokens * width),
                  verdict(per_second, complexity(params), core_rate).c_str());
      std::fflush(stdout);
    }
  }
  return 0;
}
