// Gaussian values cost at least half a log2(1/error) bits each, whatever the code; scalar quantisers pay the Lloyd-Max
// constants on top.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <optional>

#include "analysis/measuring_claim.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"
#include "floor_sweep.hpp"
#include "simulator/game_point.hpp"
#include "simulator/play.hpp"
#include "theory/lloyd_max.hpp"

namespace kvfrontier::experiments::gaussian_floor {

enum class Mutation { none, half_the_message_uncounted, biased_levels };

}  // namespace kvfrontier::experiments::gaussian_floor

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::gaussian_floor::Mutation> {
  static constexpr std::array names{"none", "half_the_message_uncounted", "biased_levels"};
};

namespace kvfrontier::experiments::gaussian_floor {
namespace {

using core::Bits;
using core::Index;
using core::Json;

// What compresses the values: a scalar quantiser, or a scheme at a rate.
struct Code {
  std::optional<int> lloyd_max;
  core::JsonText scheme;
  std::optional<double> rate;

  static core::MemberList<Code> members() {
    const auto scalar = [](const Code& code) { return code.scheme == core::JsonText(); };
    const auto plays = [](const Code& code) { return !code.lloyd_max; };
    return {core::member("lloyd_max", &Code::lloyd_max, "bits of a Lloyd-Max quantiser").when(scalar),
            core::member("scheme", &Code::scheme, "entry of a scheme").when(plays),
            core::member("rate", &Code::rate, "bits per entry, for schemes with a size option").when(plays)};
  }
};

// The options of the claim.
struct Request {
  std::optional<Code> code;
  int n = 16;
  Index d = 16;
  Index draws = 524288;
  Mutation mutation = Mutation::none;

  bool plays() const { return code && !code->lloyd_max; }

  static core::MemberList<Request> members() {
    return {core::member("code", &Request::code, "what compresses the values")
                .allowed(R"({"lloyd_max": bits} or {"scheme": entry, "rate": bits an entry})"),
            core::member("n", &Request::n, "side of the last map, doubling").range(2, 16384),
            core::member("d", &Request::d, "width of keys and of values").range(1, 65536),
            core::member("draws", &Request::draws, "values per trial, for lloyd_max")
                .range(1, 1e8)
                .when([](const Request& request) { return !request.plays(); }),
            analysis::mutation_member(&Request::mutation)};
  }
};

// The same and the game that follows from them.
struct Parameters {
  Request request;
  std::optional<simulator::GamePoint> game;

  static core::MemberList<Parameters> members() {
    std::vector<core::Member<Parameters>> list;
    for (const auto& member : core::members_of<Request>().list())
      list.push_back(core::lifted(&Parameters::request, member));
    list.push_back(game_member());
    return list;
  }
  // The seed is that of the record.
  static core::Member<Parameters> game_member() {
    const auto whole = core::member("game", &Parameters::game, "game of the scheme, without its seed");
    const auto without_seed = [whole](const Parameters& p) {
      Json json = whole.get(p);
      if (p.game) json.erase(core::member_name(&simulator::GamePoint::seed));
      return json;
    };
    const auto set = [whole](Parameters& p, const Json& json, const std::string& path) { whole.set(p, json, path); };
    return core::Member<Parameters>(whole.option(), without_seed, set).when([](const Parameters& p) {
      return p.request.plays();
    });
  }
};

struct Trial {
  std::optional<double> mse, rate;
  // Of a game that is infeasible or has no certified scaling.
  std::optional<Bits> least_bits;
  std::optional<double> least_rate;
  std::optional<Bits> information_bits;
  std::optional<double> certified_margin;

  static core::MemberList<Trial> members() {
    return {{core::member("mse", &Trial::mse, "mean squared error").needed(),
             core::member("rate", &Trial::rate, "message bits per value").unit("bits").needed(),
             core::member("least_bits", &Trial::least_bits, "least message of the scheme").unit("bits"),
             core::member("least_rate", &Trial::least_rate, "least message of the scheme, per value").unit("bits"),
             core::member("information_bits", &Trial::information_bits, "bits that Alice's input holds").unit("bits"),
             core::member("certified_margin", &Trial::certified_margin, "min_i (|k_i|^2 - max_j <k_i, k_j>)")},
            core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "gaussian_floor",
    .statement = R"(N(0,1) values that are kept in b bits each come back with a mean squared error of at least 4^-b,
      from every scheme.)",
    .note = "Lloyd-Max scalars reach .3634, .1175, .03454 and .009501 at 1 to 4 bits.",
    .source = R"(Gaussian distortion-rate function (Shannon); Max 1960 (his last digit at 4 bits, .009497, is
      corrected))",
    .prediction = "(1/2) log2(1/mse) / b <= 1, b = message bits / N d; mse of Lloyd-Max quantisers",
    .allowance = R"(0.002 on the ratio: the mean of a logarithm over trials differs by that much from the logarithm of
      the mean (half its variance, 1/(N d) for a code near the floor). 1 % on the Lloyd-Max constants: draws are
      finite)",
    .refutation = R"(an error that is worth more bits than the message has, or a scalar constant that is off by more
      than 1 %)"};

class GaussianFloor : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  GaussianFloor() : MeasuringClaim(claim) {}

  const core::OptionTable& options() const override { return core::table_of<Request>(); }
  Json resolve(const sweep::Combination& combination) const override {
    Parameters parameters{combination.read<Request>(), {}};
    const Request& request = parameters.request;
    const std::string& path = combination.path(&Request::code);
    if (!request.code)
      throw core::ConfigError(path, "nothing", core::members_of<Request>().at(&Request::code).option().allowed_text());
    if (request.plays()) parameters.game = game_of(request, path);
    return core::to_json(parameters);
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const double counted = p.request.mutation == Mutation::half_the_message_uncounted ? 0.5 : 1.0;
    return p.game ? play(*p.game, turn, counted) : quantise(p.request, turn, counted);
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    const auto rates = quick ? std::vector<double>{1, 2, 4} : std::vector<double>{0.5, 1, 2, 4, 8};
    Json codes = Json::array();
    for (int bits = 1; bits <= 4; ++bits) codes.push_back({{"lloyd_max", bits}});
    for (const auto& name : schemes::self_contained_schemes()) {
      const Json entry = public_entry(name);
      if (!schemes::Schemes::find(name, "").options().has_size()) {
        codes.push_back({{"scheme", entry}, {"rate", Json()}});
        continue;
      }
      for (const double rate : rates) codes.push_back({{"scheme", entry}, {"rate", rate}});
    }
    return {{"grid", {{"code", codes}}},
            {"n", quick ? 16 : 32},
            {"d", quick ? 16 : 32},
            {"stop", analysis::trials(8, quick ? 24 : 64)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    for (const Point& point : points) {
      const Parameters& p = point.parameters;
      const auto errors = point.values(&Trial::mse), rates = point.values(&Trial::rate);
      if (errors.empty()) continue;  // infeasible
      const Json at{{"rate", core::mean_of(rates)},
                    {"mse", core::mean_of(errors)},
                    {"code", p.game ? p.game->scheme.name : core::member_name(&Code::lloyd_max)}};
      std::vector<double> shares;
      for (Index i = 0; i < std::ssize(errors); ++i) shares.push_back(-std::log2(errors[i]) / 2 / rates[i]);
      checks.mean(analysis::with(at, "quantity", "worth / bits"), shares, 1, analysis::at_most(1.002));
      if (p.game) continue;
      const double constant = theory::lloyd_max(p.request.code->lloyd_max.value()).mse;
      checks.mean(analysis::with(at, "quantity", "mse"), errors, constant, analysis::within_relative(constant, 0.01));
    }
  }

 private:
  // On Gaussian values.
  static simulator::GamePoint game_of(const Request& request, const std::string& path) {
    simulator::GameRequest game;
    game.instance = core::JsonText("gaussian_values");
    game.n = request.n;
    game.d = request.d;
    game.scheme = request.code->scheme;
    game.rate = request.code->rate;
    game.mixture_queries = game.random_queries = 0;
    return simulator::resolve(
        game, {.path = [&](const std::string&) { return path; }, .given = [](const std::string&) { return false; }});
  }

  static analysis::Measured<Trial> play(simulator::GamePoint game, const analysis::Turn& turn, double counted) {
    game.seed = turn.seed;
    const simulator::GameRecord record = simulator::play(game, turn.trial, turn.policy);
    Trial trial;
    if (record.status == sweep::Status::ok) {
      trial.mse = record.metrics.at(simulator::metric_names::mse).mean;
      trial.rate = counted * record.message_bits / game.entries();
    } else if (record.status == sweep::Status::infeasible) {
      trial.least_bits = record.least_bits;
      trial.least_rate = record.least_rate;
    } else {
      trial.information_bits = record.information_bits;
      trial.certified_margin = record.margin;
    }
    return {record.status, trial};
  }

  static Trial quantise(const Request& request, const analysis::Turn& turn, double counted) {
    const int bits = request.code->lloyd_max.value();
    const auto quantiser = theory::lloyd_max(bits);
    const double stretch = request.mutation == Mutation::biased_levels ? 1.2 : 1.0;
    core::Stream stream(turn.coins("gaussian_floor", "alice"), core::Purpose("gaussian floor/values"), 0);
    boost::random::normal_distribution<double> normal;
    double sum = 0;
    for (Index i = 0; i < request.draws; ++i) {
      const double x = normal(stream), error = x - stretch * quantiser.quantise(x);
      sum += error * error;
    }
    Trial trial;
    trial.mse = sum / request.draws;
    trial.rate = counted * bits;
    return trial;
  }
};

const core::Registration<sweep::Experiment, GaussianFloor> registration;

}  // namespace
}  // namespace kvfrontier::experiments::gaussian_floor
