// How fast schemes absorb tokens, and that it does not depend on how many there are.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/errors.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "suite.hpp"

namespace kvfrontier::perf {
namespace {

using core::Json;

constexpr Index width = 64;
constexpr int chunk = 64;

// INDEX keys and values of one instance, and the state that every scheme starts from.
struct Stream {
  std::unique_ptr<reduction::Instance> instance;
  core::RowMatrixF keys, values;

  explicit Stream(int side) {
    reduction::InstanceParams params;
    params.schedule = geometry::Schedule::named("doubling", side);
    params.d = width;
    instance = reduction::make_instance(params, reduction::TrialCoins::derive(1, params, 0));
    keys.resize(params.tokens(), width);
    values.resize(params.tokens(), width);
    instance->keys(0, keys);
    instance->values(0, values);
  }
  Index tokens() const { return keys.rows(); }

  schemes::PublicParams params_of(const schemes::Scheme& scheme, const Json& given, double rate) const {
    schemes::PublicParams params;
    params.schedule = instance->params().schedule;
    params.d = width;
    params.embedding = instance->params().embedding;
    params.tau = 16;
    params.chunk = chunk;
    params.scheme = scheme.name();
    params.coins = instance->coins().open;
    params.options = scheme.options().resolve(given, "scheme");
    const core::Bits budget = rate * (tokens() * width);
    const schemes::Fit fit = scheme.fit(params, budget);
    params.options = fit.options ? *fit.options : *scheme.fit(params, fit.least_bits).options;
    return params;
  }

  // Construction and the last write included. Throws WrongOutput unless the message is as long as its encoder says.
  void absorb(const schemes::Scheme& scheme, const schemes::PublicParams& params) const {
    const auto encoder = scheme.encoder(params);
    for (int map = 0; map < params.schedule.map_count(); ++map) {
      const Index end = params.schedule.first_token(map + 1);
      for (Index first = params.schedule.first_token(map); first < end; first += chunk) {
        const Index count = std::min<Index>(chunk, end - first);
        encoder->absorb({map, first, keys.middleRows(first, count), values.middleRows(first, count)});
      }
    }
    core::BitWriter writer;
    encoder->write(writer);
    require(writer.bits().size == encoder->state_bits(),
            scheme.name() + ": the message is not as long as the encoder says");
  }
};

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

std::string label_of(const std::string& name, const Json& given) {
  std::string label = name;
  for (const auto& [option, value] : given.items()) label.append(" ").append(value.get<std::string>());
  return label;
}

// visit(label, scheme, params) for every scheme that suits INDEX instances, with its default options.
template <class Visit>
void for_each_scheme(const Stream& stream, double rate, const Visit& visit) {
  for (const auto& name : schemes::self_contained_schemes()) {
    const auto& scheme = schemes::Schemes::find(name, "scheme");
    for (const Json& given : variants(scheme)) {
      const auto params = stream.params_of(scheme, given, rate);
      try {
        scheme.check(params, name);
      } catch (const core::ConfigError&) {
        continue;  // it needs an instance of another family
      }
      visit(label_of(name, given), scheme, params);
    }
  }
}

void check_absorbing(const Settings&) {
  const Stream stream(16);
  for_each_scheme(stream, 4,
                  [&](const std::string&, const schemes::Scheme& scheme, const schemes::PublicParams& params) {
                    stream.absorb(scheme, params);
                  });
}

struct Complexity {
  const char* formula = nullptr;  // of the published algorithm; null: none is known that would forbid the goal
  double operations = 0;          // of a token
};

// The options of kmeans and of the member `cluster` of abc that count operations.
struct ClusteringOptions {
  double slots = 0, block = 0, rounds = 0;
  std::string member = "cluster";  // kmeans has no other

  static core::MemberList<ClusteringOptions> members() {
    return {core::member("slots", &ClusteringOptions::slots, "clusters"),
            core::member("block", &ClusteringOptions::block, "tokens between two rounds"),
            core::member("rounds", &ClusteringOptions::rounds, "rounds of Lloyd's algorithm"),
            core::member("member", &ClusteringOptions::member, "member of the family")};
  }
};

// Clusters of a stream by merge and reduce: whenever a block of tokens is full, the k slots and the block are clustered
// again, by greedy k-means++ (2 + ln k candidates a seed, a distance each from all points) and Lloyd's rounds.
Complexity complexity(const schemes::PublicParams& params) {
  if (params.scheme != "kmeans" && params.scheme != "abc") return {};
  const auto options = core::from_json<ClusteringOptions>(params.options.to_json(), "options");
  if (options.member != "cluster") return {};
  const double k = std::min<double>(options.slots, params.tokens());
  const double again = 1 + k / options.block;
  const double distances = 3 * (2 + std::floor(std::log(k))), products = 2 * (options.rounds + 1);
  return {"(1 + k/block) k d (3 (2 + ln k) + 2 (rounds + 1))", again * k * width * (distances + products)};
}

constexpr double absorb_goal = 1e5;  // tokens a second

// A goal out of reach of a published algorithm is forbidden: one core would have to do its operations faster than it
// multiplies matrices.
std::string forbidden(const Complexity& complexity) {
  const double core_rate = best_product_rate(1).eigen;
  if (complexity.operations * absorb_goal <= core_rate) return {};
  char text[200];
  std::snprintf(text, sizeof(text), "forbidden: %s = %.2g operations a token, %.2g tokens/s at %.2g operations/s",
                complexity.formula, complexity.operations, core_rate / complexity.operations, core_rate);
  return text;
}

void time_absorbing(const Settings&, Report& report) {
  const Stream stream(128);
  for_each_scheme(stream, 4,
                  [&](const std::string& label, const schemes::Scheme& scheme, const schemes::PublicParams& params) {
                    const double seconds = best_of_short([&] { stream.absorb(scheme, params); }, 0.3);
                    const double rate = stream.tokens() / seconds;
                    const std::string why = forbidden(complexity(params));
                    if (rate < absorb_goal && !why.empty()) {
                      report.note(label + ", " + std::to_string(std::lround(rate)) + " tokens/s, " + why);
                    } else {
                      report.add({"", label, rate, "tokens/s", rate / absorb_goal, 1, "1e5 tokens/s"});
                    }
                  });
}

const Registration absorbing_benchmark({"absorb", "every scheme, N 5461, d 64, 4 bits an entry, one core: 1e5 tokens/s",
                                        check_absorbing, time_absorbing});

// What these do for a token does not depend on N: a fixed number of bits a token, or a fixed share of the tokens kept.
const std::vector<Json> constant_work{{{"name", "bitpack"}}, {{"name", "exact"}}, {{"name", "kivi"}},
                                      {{"name", "uniform"}}, {{"name", "sign"}},  {{"name", "streaming_llm"}}};

// Seconds that the first touch of a page costs here: what a large state pays for memory and a small one, whose pages
// are used again, does not.
double seconds_per_fresh_page() {
  constexpr std::size_t bytes = std::size_t{64} << 20;
  const double seconds = best_of_short([] {
    std::vector<char> fresh(bytes);  // writes zeros
    require(fresh[bytes / 2] == 0, "fresh memory is not zero");
  });
  return (seconds - bytes / copy_bandwidth()) / (bytes / 4096.0);
}

void time_growth(const Settings&, Report& report) {
  char text[96];
  std::snprintf(text, sizeof(text), "the first touch of a page of 4 KiB costs %.0f ns", 1e9 * seconds_per_fresh_page());
  report.note(text);
  const Stream few(128), many(1024);
  for (const Json& entry : constant_work) {
    const auto* scheme = schemes::Schemes::find_or_null(entry.at("name").get<std::string>());
    if (scheme == nullptr) continue;
    const auto params = few.params_of(*scheme, Json::object(), 4), large = many.params_of(*scheme, Json::object(), 4);
    // As many tokens in every turn.
    const Index repeats = many.tokens() / few.tokens();
    const auto seconds = best_seconds({[&] {
                                         for (Index i = 0; i < repeats; ++i) few.absorb(*scheme, params);
                                       },
                                       [&] { many.absorb(*scheme, large); }},
                                      2);
    const double small_ns = 1e9 * seconds[0] / (repeats * few.tokens()), large_ns = 1e9 * seconds[1] / many.tokens();
    report.add({"", scheme->name() + ", N 349525", large_ns, "ns/token", large_ns / small_ns, 1.25, "that at N 5461",
                Goal::at_most});
  }
}

const Registration growth_benchmark({"growth", "constant work a token: at N 349525 at most 1.25 times that at N 5461",
                                     check_absorbing, time_growth});

}  // namespace
}  // namespace kvfrontier::perf
