// kvfrontier replay and decode: a record measured again, and a message decoded again from its file.

#include <cstdio>
#include <iostream>

#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "core/files.hpp"
#include "core/rng.hpp"
#include "core/text.hpp"
#include "schemes/scheme.hpp"
#include "simulator/message.hpp"
#include "sweep/experiment.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::cli {
namespace {

using core::Json;

constexpr const char* replay_usage = "replay DIR --point ID --trial K [--dump-message FILE] [--isolate always|never]";
constexpr const char* decode_usage = "decode FILE [--answers]";

// The record of a point given by its id or by a unique beginning of it.
sweep::Record find_record(const sweep::Store& store, const std::string& prefix, std::int64_t trial) {
  auto match = store.points.end();
  for (auto point = store.points.lower_bound(prefix); point != store.points.end() && point->first.rfind(prefix, 0) == 0;
       ++point) {
    if (match != store.points.end())
      throw core::UserError("--point " + prefix + ": more than one point begins so; give more of the id");
    match = point;
  }
  if (match == store.points.end())
    throw core::UserError("--point " + prefix +
                          ": no such point here; kvfrontier table DIR --format csv lists point ids");
  if (!match->second.contains(trial))
    throw core::UserError("--trial " + std::to_string(trial) + ": the point has trials 0 to " +
                          std::to_string(match->second.last_trial()));
  return match->second.at(trial);
}

// A record that another version of the code measured cannot be measured again by this one.
void require_same_versions(const sweep::Record& record, const sweep::Experiment& experiment) {
  const auto require = [](const std::string& what, int stored, int here) {
    if (stored != here) {
      throw core::UserError("replay: the record was measured with version " + std::to_string(stored) + " of " + what +
                            "; this program has version " + std::to_string(here));
    }
  };
  const sweep::Identity identity = sweep::identity_of(record);
  require(experiment.name(), identity.experiment_version, experiment.version());
  require("the random streams", identity.rng_version, core::rng_version);
  if (!record.parameters->contains(core::member_name(&simulator::GamePoint::scheme))) return;
  const simulator::SchemeChoice choice = sweep::point_of(record).scheme;
  const auto& scheme = schemes::Schemes::find(choice.name, "scheme.name");
  require("scheme " + scheme.name(), choice.version, scheme.version());
}

// `measured` without the sums of squares that `stored` lacks: records of earlier versions have none.
Json without_new_sums(Json measured, const Json& stored) {
  static const std::string metrics = core::member_name(&simulator::GameRecord::metrics),
                           sum_squares = core::member_name(&simulator::MetricValue::sum_squares);
  const auto values = measured.find(metrics);
  const auto known = stored.find(metrics);
  if (values == measured.end() || known == stored.end()) return measured;
  for (auto& [name, value] : values->items()) {
    const auto other = known->find(name);
    if (other != known->end() && !other->contains(sum_squares)) value.erase(sum_squares);
  }
  return measured;
}

int replay(const std::vector<std::string>& arguments) {
  std::string point, dump, isolate = "always";
  std::int64_t trial = -1;
  po::options_description flags("flags");
  flags.add_options()("point", po::value(&point), "point id, or a unique beginning of it")(
      "trial", po::value(&trial), "trial number")("dump-message", po::value(&dump),
                                                  "write the game (public parameters, message, queries) to FILE")(
      "isolate", po::value(&isolate), "always (default) or never");
  po::variables_map values;
  if (!parse("replay", replay_usage, flags, "DIR", 1, arguments, values)) return 0;
  if (point.empty() || trial < 0)
    throw core::UserError("replay: --point and --trial are needed; kvfrontier table DIR --format csv lists point ids");
  const sweep::Store store = read_records(required(values, "DIR", "replay"));
  const sweep::Record record = find_record(store, point, trial);
  const auto& experiment = sweep::Experiments::find(sweep::identity_of(record).experiment, "experiment");
  require_same_versions(record, experiment);

  sweep::GamePolicy policy;
  policy.bob.isolation = parse_isolation(isolate);
  bool dumped = false;
  if (!dump.empty()) {
    policy.on_game = [&](const simulator::Transcript& transcript) {
      simulator::write_transcript(transcript, dump);
      dumped = true;
    };
  }
  sweep::Record again = record;
  try {
    again.result = experiment.measure(*record.parameters, trial, policy);
  } catch (const core::UserError&) {
    throw;
  } catch (const core::MachineError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    again.result = sweep::failed(error.what());
  }
  std::cout << again.to_json().dump() << "\n";
  if (!dump.empty() && !dumped) {
    throw core::UserError("--dump-message " + dump + ": nothing was written, because this trial is " +
                          core::enum_name(again.result.status) + " and has no answered message");
  }
  const Json measured = again.result.data;
  again.result.data = without_new_sums(measured, record.result.data);
  const char* const extent = again.result.data == measured ? "" : ", which has no sums of squares";
  if (again.result.status == record.result.status && again.result.data == record.result.data) {
    std::fprintf(stderr, "identical to the stored record%s\n", extent);
    return 0;
  }
  if (sweep::tie_equal(again, record)) {
    std::fprintf(stderr, "equal to the stored record%s up to counted ties and rounding\n", extent);
    return 0;
  }
  if (record.result.status == sweep::Status::failed) {
    // Nothing was measured then, so nothing is contradicted now.
    std::fprintf(
        stderr, "the stored trial failed (%s), this time it is %s; kvfrontier run --retry-failed measures it again\n",
        core::printable(sweep::failure_of(record).reason).c_str(), core::enum_name(again.result.status).c_str());
    return 1;
  }
  std::fprintf(stderr, "kvfrontier: the stored record says otherwise: %s\n",
               core::printable(record.to_json().dump()).c_str());
  return 3;
}

// The game in a dumped file, as far as it can be judged before Bob sees it. Throws UserError for a missing file and
// DataError for a damaged one.
simulator::StoredGame read_game(const std::string& file) {
  const std::string text = core::read_file(file);
  const auto refuse = [&](const std::string& why) { return core::DataError(file + " is damaged: " + why); };
  try {
    simulator::StoredGame game = simulator::parse_transcript(text, file);
    const auto& scheme = schemes::Schemes::find(game.params.scheme, "scheme.name");
    if (game.queries.cols() != game.params.d)
      throw refuse("queries of width " + std::to_string(game.queries.cols()) +
                   " for d = " + std::to_string(game.params.d));
    const auto formula = scheme.message_bits(game.params);
    if (formula && *formula != game.message.size) {
      throw refuse("a message of " + std::to_string(game.message.size) + " bits where the size formula gives " +
                   std::to_string(*formula));
    }
    return game;
  } catch (const core::UserError& error) {
    throw refuse(error.what());
  } catch (const Json::exception& error) {
    throw refuse(core::json_complaint(error));
  } catch (const core::DataError&) {
    throw;
  } catch (const core::MachineError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw refuse(error.what());
  }
}

int decode(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("answers", "print the answers, one query a line");
  po::variables_map values;
  if (!parse("decode", decode_usage, flags, "FILE", 1, arguments, values)) return 0;
  const auto game = read_game(required(values, "FILE", "decode"));
  core::RowMatrixD answers;
  try {
    answers = simulator::ask_bob(game.params, game.message, game.queries, {});
  } catch (const simulator::GameError& error) {
    throw core::DataError("the dumped message cannot be decoded: " + std::string(error.what()));
  }
  if (values.count("answers") > 0) {
    for (core::Index i = 0; i < answers.rows(); ++i) {
      for (core::Index c = 0; c < answers.cols(); ++c) std::printf("%s%.17g", c ? "," : "", answers(i, c));
      std::printf("\n");
    }
  }
  const bool same = simulator::answers_digest(answers) == game.digest;
  std::fprintf(stderr, "%s, %ld bits, %ld queries: the answers %s those of the replay\n",
               core::printable(game.params.scheme).c_str(), game.message.size, game.queries.rows(),
               same ? "are bit for bit" : "differ from");
  return same ? 0 : 3;
}

}  // namespace

Verb replay_verb() {
  return {"replay", replay_usage, "measure one stored trial again and compare", replay, true};
}
Verb decode_verb() {
  return {"decode", decode_usage, "decode a dumped message in this fresh process and compare the answers", decode,
          true};
}

}  // namespace kvfrontier::cli
