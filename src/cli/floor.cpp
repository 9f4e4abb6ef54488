// kvfrontier floor: what the theory demands, without measuring anything.

#include <cmath>
#include <cstdio>

#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "geometry/model.hpp"
#include "geometry/schedule.hpp"
#include "theory/entropy.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* floor_usage =
    "floor (--n N --d D [--schedule S] | --model NAME) (--error P | --bits B | --curve POINTS)";

int print_floor(const std::vector<std::string>& arguments) {
  int n = 0, curve = 0;
  std::int64_t d = 0, bits = -1;
  double error = -1;
  std::string schedule = "doubling", model_name;
  po::options_description flags("flags");
  flags.add_options()("n", po::value(&n), "side of the last token map")("d", po::value(&d), "width of values")(
      "error", po::value(&error), "least bits at this mean bit error")("bits", po::value(&bits),
                                                                       "least error with this many bits")(
      "curve", po::value(&curve), "the whole floor as csv, POINTS lines from rate 0 to 1")(
      "schedule", po::value(&schedule), "default doubling")(
      "model", po::value(&model_name),
      "schedule and width of a published model, and MiB of all its layers and heads: var-d16, var-d20, var-d24, "
      "var-d30, var-d36-512, infinity-2b or infinity-8b");
  po::variables_map values;
  if (!parse("floor", floor_usage, flags, "", 0, arguments, values)) return 0;
  const geometry::Model* model = values.count("model") > 0 ? &geometry::Model::named(model_name) : nullptr;
  if (model != nullptr) {
    for (const char* flag : {"n", "d", "schedule"}) {
      if (values.count(flag) > 0)
        throw core::UserError(std::string("--model and --").append(flag).append(": the model has its own; use one"));
    }
    schedule = model->schedule;
    d = model->d;
  }
  if (d == 0 && values.count("d") == 0) throw core::UserError("floor: --d is missing; see kvfrontier floor --help");
  if (d < 1) throw core::UserError("--d " + std::to_string(d) + ": an integer of at least 1");
  if (values.count("n") == 0 && geometry::Schedule::fixed_side(schedule) == 0)
    throw core::UserError("floor: --n is missing; see kvfrontier floor --help");
  const bool by_error = values.count("error") > 0, by_bits = values.count("bits") > 0,
             by_curve = values.count("curve") > 0;
  if (by_error + by_bits + by_curve != 1) throw core::UserError("floor: give one of --error, --bits and --curve");
  if (by_error && !(error >= 0 && error <= 1))
    throw core::UserError("--error " + core::describe(error) + ": a number from 0 to 1");
  if (by_bits && bits < 0) throw core::UserError("--bits: an integer of at least 0");
  if (by_curve && (curve < 2 || curve > 1'000'000)) throw core::UserError("--curve: 2 to 1000000 points");
  const std::int64_t m = parse_schedule(schedule, n).tokens() * d;
  if (m > theory::max_floor_bits)
    throw core::UserError("floor: N d = " + std::to_string(m) + " is more than the closed forms are made for (" +
                          std::to_string(theory::max_floor_bits) + ")");

  if (by_curve) {
    std::printf("rate,bits,error_finite,error_entropy\n");
    for (int i = 0; i < curve; ++i) {
      const std::int64_t b = static_cast<std::int64_t>(std::llround(static_cast<double>(m) * i / (curve - 1)));
      const double rate = static_cast<double>(b) / static_cast<double>(m);
      std::printf("%.9g,%lld,%.9g,%.9g\n", rate, static_cast<long long>(b), theory::min_error(m, b),
                  theory::inverse_binary_entropy(1 - rate));
    }
    return 0;
  }
  std::printf("m = N d bits         %lld\n", static_cast<long long>(m));
  if (by_error) {
    const auto finite = theory::min_bits(m, error);
    std::printf("least bits, fixed length      %lld   (%.6f N d; shell filling, exact for every decoder)\n",
                static_cast<long long>(finite), static_cast<double>(finite) / static_cast<double>(m));
    std::printf("least mean bits, any message  %.1f   (%.6f N d; m (1 - H2), Fano)\n",
                theory::entropy_floor_bits(static_cast<double>(m), error),
                theory::binary_capacity(std::min(error, 0.5)));
    if (model != nullptr)
      std::printf(
          "least of %s%*s%.4g MiB   (%d layers x %d heads, one sequence; an fp16 cache of these N tokens: %.4g MiB)\n",
          model->name.c_str(), static_cast<int>(21 - model->name.size()), "", model->mib(static_cast<double>(finite)),
          model->layers, model->heads, model->mib(32.0 * static_cast<double>(m)));
  } else {
    const double rate = std::min(1.0, static_cast<double>(bits) / static_cast<double>(m));
    std::printf("least error, fixed length     %.9f   (shell filling)\n", theory::min_error(m, bits));
    std::printf("least error, asymptotic       %.9f   (H2^-1(1 - rate) at rate %.6f)\n",
                theory::inverse_binary_entropy(1 - rate), rate);
    std::printf("error of keeping whole rows   %.9f   ((1 - rate)/2)\n", theory::eviction_error(rate));
  }
  return 0;
}

}  // namespace

Verb floor_verb() {
  return {"floor", floor_usage, "least bits at an error, least error for bits, or the whole floor", print_floor};
}

}  // namespace kvfrontier::cli
