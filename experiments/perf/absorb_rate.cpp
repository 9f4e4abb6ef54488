// How many tokens a second every scheme absorbs on one core: absorb_rate [SIDE] [RATE]. INDEX keys and values of width
// 64 in blocks of 64; schemes with a size are fitted to RATE bits per value entry. Every scheme has
// its default options, so keys are stored where they can be. Every message is as long as its encoder says, or the
// program stops.

#include <chrono>
#include <cstdio>
#include <cstdlib>
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

// Best of `repeats`, construction and the last write included.
double seconds(const schemes::Scheme& scheme, const schemes::PublicParams& params, const core::RowMatrixF& keys,
               const core::RowMatrixF& values) {
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
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
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
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
                  per_second >= goal ? "met" : "missed");
      std::fflush(stdout);
    }
  }
  return 0;
}
