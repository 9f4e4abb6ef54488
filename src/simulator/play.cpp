#include "simulator/play.hpp"

#include <cmath>

#include "simulator/decoding.hpp"
#include "simulator/instance_cache.hpp"
#include "simulator/message.hpp"

namespace kvfrontier::simulator {
namespace {

// The options that are neither sizes nor defaults tell one curve of a scheme from another.
std::string label_of(const GamePoint& point, const schemes::Scheme& scheme) {
  std::string label = point.scheme.name;
  const core::Json options = point.scheme.options.to_json();
  for (const auto& [name, value] : options.items()) {
    const core::Option* option = scheme.options().find(name);
    if (option->size || option->default_value == value || value.is_null()) continue;
    label += " " + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return label;
}

// The longest message for a budget of one bit less than `bits`. nullopt where no budget chose the options, and for
// schemes that must be told something: they may have to ask a program for its lengths.
std::optional<Bits> smaller_message(const GamePoint& point, const schemes::Scheme& scheme, std::optional<Bits> bits) {
  if (!point.rate || !bits || scheme.options().has_required()) return std::nullopt;
  if (*bits == 0) return 0;
  schemes::PublicParams params = point.public_params();
  params.options = scheme.options().without_sizes(params.options);
  const schemes::Fit fit = scheme.fit(params, *bits - 1);
  if (!fit.options) return 0;
  params.options = *fit.options;
  return scheme.message_bits(params);
}

// Queries and values of a trial, the queried rows first, then midpoints and random directions: one game, one Bob.
struct Questions {
  std::vector<Index> rows;
  core::RowMatrixD queries, values;
};
Questions ask(const GamePoint& point, const reduction::Instance& instance, double tau) {
  Questions asked{instance.queried_rows(point.queries), core::RowMatrixD(point.all_queries(), point.d),
                  core::RowMatrixD(point.queries, point.d)};
  core::RowMatrixF row(1, point.d);
  for (Index i = 0; i < point.queries; ++i) {
    instance.keys(asked.rows[i], row);
    asked.queries.row(i) = tau * row.cast<double>();
    instance.values(asked.rows[i], row);
    asked.values.row(i) = row.cast<double>();
  }
  asked.queries.middleRows(point.queries, point.mixture_queries) = instance.mixture_queries(point.mixture_queries, tau);
  asked.queries.bottomRows(point.random_queries) = instance.random_queries(point.random_queries, tau);
  return asked;
}

void measure(const GamePoint& point, const reduction::Instance& instance, const Questions& asked,
             const core::RowMatrixD& answers, const core::RowMatrixD& exact, GameRecord& record) {
  const Index nq = point.queries, mixtures = point.mixture_queries, randoms = point.random_queries;
  const geometry::Schedule maps = point.maps();
  const GameAnswers game{answers.topRows(nq),
                         asked.values,
                         exact.topRows(nq),
                         answers.middleRows(nq, mixtures),
                         exact.middleRows(nq, mixtures),
                         answers.bottomRows(randoms),
                         exact.bottomRows(randoms),
                         asked.rows,
                         maps,
                         point.eta,
                         instance.value_bits()};
  for (const std::string& name : Metrics::names()) {
    if (const auto value = Metrics::find(name, "metric").measure(game)) record.metrics.emplace(name, *value);
  }
  record.queried_rows = nq;
  if (game.value_bits == 0) return;
  record.ties = ties(game.answers, game.value_bits);
  MapErrors by_map = errors_by_map(row_errors(game.answers, game.values, 0, game.value_bits), asked.rows, maps);
  record.map_errors = std::move(by_map.errors);
  record.map_rows = std::move(by_map.rows);
}

GameRecord infeasible(const GamePoint& point, const schemes::Scheme& scheme, GameRecord record) {
  const schemes::PublicParams params = point.public_params();
  if (scheme.outside() != nullptr) {
    if (const std::string failure = scheme.outside()->failure(params); !failure.empty()) throw GameError(failure);
  }
  record.status = Status::infeasible;
  record.least_bits = scheme.fit(params, *params.budget_bits).least_bits;
  record.least_rate = *record.least_bits / point.entries();
  return record;
}

}  // namespace

GameRecord described(const GamePoint& point) {
  const auto& scheme = schemes::Schemes::find(point.scheme.name, "scheme.name");
  const auto& family = reduction::InstanceFamilies::find(point.instance.name, "instance.name");
  GameRecord record;
  record.label = label_of(point, scheme);
  if (const std::string surrogates = scheme.surrogates(); surrogates != "none") record.surrogates = surrogates;
  record.stored_keys = scheme.sends_keys(point.scheme.options);
  record.floor_kind = scheme.fixed_length() ? FloorKind::finite : FloorKind::entropy;
  record.distortion_floor = family.distortion_floor();
  const auto instance = family.make(point.instance_params(), {});
  record.information_bits = instance->information_bits();
  record.value_bits = instance->value_bits();
  if (point.is_infeasible()) return record;
  schemes::PublicParams params = point.public_params();
  record.formula_bits = scheme.message_bits(params);
  record.smaller_bits = smaller_message(point, scheme, record.formula_bits);
  params.schedule = {};
  record.fixed_bits = scheme.message_bits(params);
  return record;
}

GameRecord play(const GamePoint& point, std::uint64_t trial, const GamePolicy& policy) {
  // Of the same instances under other schemes and budgets; functions of their arguments, so they cannot show.
  static CertificateCache certificates;
  static ExactOutputsCache exact_outputs;

  GameRecord record = described(point);
  const auto& scheme = schemes::Schemes::find(point.scheme.name, "scheme.name");
  if (point.is_infeasible()) return infeasible(point, scheme, std::move(record));
  const reduction::InstanceParams instance_params = point.instance_params();
  const auto coins = reduction::TrialCoins::derive(point.seed, instance_params, trial);
  const auto instance = reduction::make_instance(instance_params, coins);
  std::optional<double> tau;
  if (point.tau.kind == reduction::Scaling::Kind::certified) {
    const reduction::Certificate certificate = certificates.get(*instance);
    tau = reduction::certified_tau(certificate, *instance, point.eta, point.max_tau);
    if (std::isfinite(certificate.margin)) record.margin = certificate.margin;
    if (!tau) {
      record.status = Status::uncertified;
      return record;
    }
  } else {
    tau = reduction::closed_form_tau(point.tau, instance_params, point.eta, point.max_tau, "tau");
  }
  record.tau = *tau;
  schemes::PublicParams params = point.public_params();
  params.tau = *tau;
  params.coins = coins.open;

  const Message message = encode(params, *instance);
  record.message_bits = message.bits.size;
  record.peak_state_bits = message.peak_state_bits;
  record.ledger = {message.ledger.begin(), message.ledger.end()};

  const Questions asked = ask(point, *instance, *tau);
  const core::RowMatrixD answers = ask_bob(params, message.bits, asked.queries, policy.bob);
  if (policy.on_game) policy.on_game({params, message.bits, asked.queries, answers});
  const ExactOutputsCache::Outputs exact =
      exact_outputs.get(*instance, *tau, {point.queries, point.mixture_queries, point.random_queries}, asked.queries);
  measure(point, *instance, asked, answers, *exact, record);
  return record;
}

}  // namespace kvfrontier::simulator
