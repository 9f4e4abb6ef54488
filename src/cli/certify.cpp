// kvfrontier certify: coherence, margin and scaling of one draw of keys.

#include <chrono>
#include <cmath>
#include <cstdio>

#include "attention/all_pairs.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "reduction/certificate.hpp"
#include "theory/coherence.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* certify_usage =
    "certify --n N --d D [--embedding E] [--eta X] [--schedule S] [--seed S] [--threads T]";

int certify(const std::vector<std::string>& arguments) {
  int n = 0;
  std::int64_t d = 0;
  std::uint64_t seed = 1;
  double eta = 0.5;
  std::string embedding = "sphere", schedule = "doubling";
  po::options_description flags("flags");
  flags.add_options()("n", po::value(&n), "side of the last token map")("d", po::value(&d), "width of keys")(
      "embedding", po::value(&embedding), "family of keys, default sphere")("eta", po::value(&eta),
                                                                            "multiplicative tolerance, default 0.5")(
      "schedule", po::value(&schedule), "default doubling")("seed", po::value(&seed), "default 1")(
      "threads", po::value<int>(), "default: all that are granted");
  po::variables_map values;
  if (!parse("certify", certify_usage, flags, "", 0, arguments, values)) return 0;
  if (values.count("d") == 0) throw core::UserError("certify: --d is missing; see kvfrontier certify --help");
  if (d < 1) throw core::UserError("--d " + std::to_string(d) + ": an integer of at least 1");
  if (!(eta >= 0 && eta < 1)) throw core::UserError("--eta: at least 0 and below 1");
  const int fixed = geometry::Schedule::fixed_side(schedule);
  if (values.count("n") == 0 && fixed == 0)
    throw core::UserError("certify: --n is missing; see kvfrontier certify --help");
  reduction::InstanceParams params;
  params.schedule = parse_schedule(schedule, n);
  params.d = d;
  params.embedding = embedding;
  const auto& family = geometry::Embeddings::find(embedding, "--embedding");
  const core::Index tokens = params.tokens();
  if (const std::string why = family.why_impossible(tokens, d); !why.empty())
    throw core::ConfigError("--embedding",
                            embedding + " with " + std::to_string(tokens) + " tokens at d = " + std::to_string(d), why);
  if (tokens > reduction::largest_certified)
    throw core::UserError("certify: " + std::to_string(tokens) + " tokens; all pairs are looked at up to " +
                          std::to_string(reduction::largest_certified));

  const auto instance = reduction::make_instance(params, reduction::TrialCoins::derive(seed, params, 0));
  const int threads = chosen_threads(values).count;
  const auto start = std::chrono::steady_clock::now();
  const auto certificate = reduction::certify(*instance, threads);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  constexpr double max_tau = 500;
  const auto tau = reduction::certified_tau(certificate.margin, tokens, eta, max_tau);
  std::printf("tokens N            %lld\n", static_cast<long long>(tokens));
  std::printf("mu+ (largest product) %.6f\n", certificate.mu_plus);
  if (tokens > d) std::printf("Welch bound on |mu| %.6f\n", theory::welch_bound(tokens, d));
  std::printf("mu+ by union bound  %.6f  (probability %g)\n",
              family.coherence(tokens, d, reduction::union_beta).mu_plus, 1 - reduction::union_beta);
  std::printf("margin              %.6f\n", certificate.margin);
  if (tau) {
    std::printf("certified tau       %.6f  for eta = %g\n", *tau, eta);
    core::RowMatrixF keys(tokens, d);
    instance->keys(0, keys);
    double largest = 0, sum = 0;
    for (const double leak : attention::leaks(keys, *tau, threads)) {
      largest = std::max(largest, leak);
      sum += leak;
    }
    std::printf("leak S at that tau  mean %.4g, largest %.4g, threshold %.4g\n", sum / static_cast<double>(tokens),
                largest, theory::leak_threshold(eta));
  } else {
    std::printf("certified tau       none below %g: this draw is uncertified\n", max_tau);
  }
  for (const auto& [label, text] :
       {std::pair{"typical tau        ", "typical"}, std::pair{"union tau          ", "union"}}) {
    try {
      std::printf("%s %.6f\n", label,
                  reduction::closed_form_tau(reduction::Scaling::parse(text, "tau"), params, eta, max_tau, "tau"));
    } catch (const core::ConfigError& error) {
      std::printf("%s none (%s)\n", label, error.allowed.c_str());
    }
  }
  std::fprintf(stderr, "all pairs in %.3g s\n", seconds);
  return tau ? 0 : 1;
}

}  // namespace

Verb certify_verb() {
  return {"certify", certify_usage, "coherence, margin, leak and scaling of one draw of keys", certify};
}

}  // namespace kvfrontier::cli
