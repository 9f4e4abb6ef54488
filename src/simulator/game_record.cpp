#include "simulator/game_record.hpp"

namespace kvfrontier::simulator {

core::MemberList<GameRecord> GameRecord::members() {
  using core::Aggregate;
  using core::member;
  using R = GameRecord;
  constexpr double largest = 9e15;
  const auto infeasible = [](const R& record) { return record.status == Status::infeasible; };
  const auto measured = [](const R& record) { return record.status == Status::ok; };
  // What every record of such a status has; one that lacks it was edited or is damaged.
  const auto always = [](core::Member<R> one, auto status) { return std::move(one).needed().when(status); };
  // A game that failed before it was described has none of these.
  const auto of_the_point = [](core::Member<R> one) {
    return std::move(one).needed_when([](const R& record) { return record.status != Status::failed; });
  };
  const auto bits = [](core::Member<R> one) { return std::move(one).range(0, largest).unit("bits"); };
  return {
      {
          member("reason", &R::reason, "of a failed trial: what went wrong"),
          of_the_point(
              member("label", &R::label, "the scheme and those of its options that are neither sizes nor defaults")),
          member("surrogates", &R::surrogates, "parts of the scheme that replace something learned"),
          of_the_point(
              member("stored_keys", &R::stored_keys, "whether the message pays for keys, which floors do not count")),
          of_the_point(
              member("floor_kind", &R::floor_kind,
                     "finite: shell filling, for messages of fixed length; entropy: m (1 - H2), against the mean "
                     "length")),
          of_the_point(
              member("distortion_floor", &R::distortion_floor, "the floor of the squared error of real values")),
          of_the_point(member("value_bits", &R::value_bits, "bits of an entry of a value; 0: real numbers")
                           .range(0, 64)
                           .unit("bits")),
          bits(member("formula_bits", &R::formula_bits, "length that the size formula gives")),
          bits(member("fixed_bits", &R::fixed_bits, "length of the message of no tokens")),
          bits(member("smaller_bits", &R::smaller_bits,
                      "longest message of the scheme for a budget one bit below this message; 0: it has none")),
          always(bits(member("least_bits", &R::least_bits, "of an infeasible budget: the least message")), infeasible),
          always(
              member("least_rate", &R::least_rate, "the same per value entry").range(0, largest).unit("bits per entry"),
              infeasible),
          of_the_point(bits(member("information_bits", &R::information_bits, "m, bits that Alice's input holds"))),
          member("margin", &R::margin, "min_i (|k_i|^2 - max_j <k_i, k_j>) of the certified instance")
              .summed_by(Aggregate::mean),
          always(member("tau", &R::tau, "query scaling").range(0, largest).summed_by(Aggregate::mean), measured),
          always(bits(member("message_bits", &R::message_bits, "length of the message that Bob reads"))
                     .summed_by(Aggregate::mean),
                 measured),
          always(
              bits(member("peak_state_bits", &R::peak_state_bits, "largest state plus working memory after any block"))
                  .summed_by(Aggregate::largest),
              measured),
          member("ledger", &R::ledger, "bits of the message by section").unit("bits"),
          always(member("queried_rows", &R::queried_rows, "rows that Bob was asked for")
                     .range(1, largest)
                     .summed_by(Aggregate::sum),
                 measured),
          always(member("metrics", &R::metrics, "what every metric measured"), measured),
          always(member("ties", &R::ties, "answers within 1e-4 of a threshold")
                     .range(0, largest)
                     .summed_by(Aggregate::sum),
                 measured),
          member("map_errors", &R::map_errors, "per map: sum of the queried rows' shares of wrong bits"),
          member("map_rows", &R::map_rows, "per map: queried rows"),
          member("coins", &R::coins, "where the private coins come from; absent: the seed"),
          member("isolation", &R::isolation, "how Bob was kept apart; absent: the session says it"),
          member("digests", &R::digests, "digests of the files that the game read"),
      },
      core::Nulls::omit};
}

const MetricValue* GameRecord::metric(const std::string& name) const {
  const auto found = metrics.find(name);
  return found == metrics.end() ? nullptr : &found->second;
}

FloorInput floor_input(const GameRecord& record, Index tokens, Index d) {
  return {record.information_bits, record.value_bits, record.floor_kind, record.distortion_floor, tokens, d};
}

}  // namespace kvfrontier::simulator
