// kvfrontier replay and decode: a row measured again, and a message decoded again from its file.

#include <cstdio>
#include <iostream>

#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "simulator/game.hpp"
#include "sweep/experiment.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* replay_usage = "replay DIR --point ID --trial K [--dump-message FILE] [--isolate always|never]";
constexpr const char* decode_usage = "decode FILE [--answers]";

// The row of a point given by its id or by a unique beginning of it.
const sweep::Row& find_row(const sweep::Store& store, const std::string& prefix, std::int64_t trial) {
  auto match = store.points.end();
  for (auto point = store.points.lower_bound(prefix); point != store.points.end() && point->first.rfind(prefix, 0) == 0; ++point) {
    if (match != store.points.end()) throw core::UserError("--point " + prefix + ": more than one point begins so; give more of the id");
    match = point;
  }
  if (match == store.points.end()) throw core::UserError("--point " + prefix + ": no such point here");
  const auto row = match->second.find(trial);
  if (row == match->second.end()) throw core::UserError("--trial " + std::to_string(trial) + ": the point has trials 0 to " + std::to_string(match->second.rbegin()->first));
  return row->second;
}

int replay(const std::vector<std::string>& arguments) {
  std::string point, dump, isolate = "always";
  std::int64_t trial = -1;
  po::options_description flags("flags");
  flags.add_options()("point", po::value(&point), "point id, or a unique beginning of it")("trial", po::value(&trial), "trial number")(
      "dump-message", po::value(&dump), "write the game (public parameters, message, queries) to FILE")("isolate", po::value(&isolate), "always (default) or never");
  po::variables_map values;
  if (!parse("replay", replay_usage, flags, "DIR", 1, arguments, values)) return 0;
  if (point.empty() || trial < 0) throw core::UserError("replay: --point and --trial are needed; kvfrontier table DIR --format csv lists point ids");
  if (isolate != "always" && isolate != "never") throw core::UserError("--isolate " + isolate + ": always or never");
  const sweep::Store store = sweep::read_store(required(values, "DIR", "replay"), warn);
  const sweep::Row& row = find_row(store, point, trial);
  const auto& experiment = sweep::Experiments::find(row.parameters.at("experiment"), "experiment");

  sweep::TrialContext context;
  context.bob.isolation = isolate == "always" ? simulator::Isolation::always : simulator::Isolation::never;
  if (!dump.empty()) {
    context.on_game = [&](const simulator::Transcript& transcript) { simulator::write_transcript(transcript, dump); };
  }
  sweep::Row again = row;
  try {
    again.result = experiment.measure(row.parameters, static_cast<std::uint64_t>(trial), context);
  } catch (const core::UserError&) {
    throw;
  } catch (const std::exception& error) {
    again.result = {"failed", {{"reason", error.what()}}};
  }
  std::cout << again.to_json().dump() << "\n";
  if (again.result.status == row.result.status && again.result.data == row.result.data) {
    std::fprintf(stderr, "identical to the stored row\n");
    return 0;
  }
  if (sweep::tie_equal(again, row)) {
    std::fprintf(stderr, "equal to the stored row up to counted ties and rounding\n");
    return 0;
  }
  std::fprintf(stderr, "kvfrontier: the stored row says otherwise: %s\n", row.to_json().dump().c_str());
  return 3;
}

int decode(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("answers", "print the answers, one query a line");
  po::variables_map values;
  if (!parse("decode", decode_usage, flags, "FILE", 1, arguments, values)) return 0;
  const auto game = simulator::read_transcript(required(values, "FILE", "decode"));
  core::RowMatrixD answers;
  try {
    answers = simulator::ask_bob(game.params, game.message, game.queries, {});
  } catch (const simulator::GameError& error) {
    throw core::DataError(error.what());
  }
  if (values.count("answers") > 0) {
    for (core::Index i = 0; i < answers.rows(); ++i) {
      for (core::Index c = 0; c < answers.cols(); ++c) std::printf("%s%.17g", c ? "," : "", answers(i, c));
      std::printf("\n");
    }
  }
  const bool same = simulator::answers_digest(answers) == game.digest;
  std::fprintf(stderr, "%s, %llu bits, %lld queries: the answers %s those of the replay\n", game.params.scheme.c_str(), static_cast<unsigned long long>(game.message.size),
               static_cast<long long>(game.queries.rows()), same ? "are bit for bit" : "differ from");
  return same ? 0 : 3;
}

}  // namespace

Verb replay_verb() { return {"replay", replay_usage, "measure one stored trial again and compare", replay}; }
Verb decode_verb() { return {"decode", decode_usage, "decode a dumped message in this fresh process and compare the answers", decode}; }

}  // namespace kvfrontier::cli
