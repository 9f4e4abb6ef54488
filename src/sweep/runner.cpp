#include "sweep/runner.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "core/errors.hpp"
#include "core/text.hpp"
#include "sweep/planner.hpp"
#include "sweep/progress.hpp"
#include "sweep/session.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::sweep {
namespace {

std::atomic<int> caught_signal{0};

extern "C" void on_signal(int signal) {
  caught_signal = signal;
  std::signal(signal, SIG_DFL);  // the second one is final
}

// Lets the trials under way finish on SIGINT and SIGTERM, for as long as it lives.
class SignalGuard {
 public:
  SignalGuard() {
    caught_signal = 0;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~SignalGuard() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }

 private:
  struct sigaction old_int_ {
  }, old_term_{};
};

// What is still to be done for one goal of the plan.
struct GoalState {
  const Point* goal = nullptr;
  double left = 0;  // declared operations that it may still take
};

struct PointState {
  Point point;
  Parameters parameters;            // the point's, for its records
  std::vector<GoalState*> waiting;  // goals that go on when it has stopped
  std::int64_t first_queued = 0;    // least trial of those last queued
  std::int64_t missing = 0;         // queued trials not yet there
  double memory = 0;
  std::map<std::int64_t, Observation> seen;  // of its trials
  std::string a_failure;                     // the reason of one that failed
  std::optional<Answer> answer;              // once it is done
};

struct Task {
  PointState* state = nullptr;
  std::int64_t trial = 0;
};

class Runner {
 public:
  Runner(const Plan& plan, const RunOptions& options, std::optional<Store>* held)
      : plan_(plan),
        planner_(plan.experiment->planner()),
        experiment_(measured_by(plan)),
        options_(options),
        warn_([](const std::string& text) {
          std::fprintf(stderr, "kvfrontier: warning: %s\n", core::printable(text).c_str());
        }),
        held_(held),
        store_(held != nullptr ? *held : own_),
        points_(shard(plan, options.shard_index, options.shard_count)),
        writer_(options.out, shard_suffix(options.shard_index, options.shard_count), warn_),
        progress_(options.quiet),
        memory_limit_(options.memory_bytes > 0 ? options.memory_bytes : 0.9 * available_memory()) {}

  RunOutcome run() {
    const SignalGuard guard;
    const auto start = std::chrono::steady_clock::now();
    if (options_.max_seconds > 0) {
      deadline_ = start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                              std::chrono::duration<double>(options_.max_seconds));
    }
    if (!store_) store_ = read_store(options_.out, warn_);
    start_goals();
    const core::Json session = make_session(plan_.config, options_.threads, options_.bob.isolation);
    session_ = session["session"];
    if (!queue_.empty()) {
      writer_.append_session(session);
      store_->sessions.emplace(session_, session);
    }
#pragma omp parallel num_threads(options_.threads.count)
    work();
    progress_.clear();
    if (!failure_) writer_.commit();
    if (failure_) {
      try {
        std::rethrow_exception(failure_);
      } catch (const core::MachineError& error) {
        throw core::MachineError(std::string(error.what()) +
                                 "; every finished trial is saved, run the same command to go on");
      }
    }

    RunOutcome outcome = outcome_;
    outcome.points = std::ssize(states_);
    outcome.points_done = points_done_;
    outcome.goals = std::ssize(goals_);
    outcome.goals_done = goals_done_;
    outcome.noun = planner_.noun();
    for (const PointState& state : states_) {
      if (outcome.a_failure.empty()) outcome.a_failure = state.a_failure;
      for (const auto& [trial, seen] : state.seen) {
        outcome.failed += seen.status == Status::failed;
        outcome.uncertified += seen.status == Status::uncertified;
        outcome.infeasible += seen.status == Status::infeasible;
      }
    }
    outcome.signal = caught_signal;
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return outcome;
  }

 private:
  // A point that is to be measured, with what the directory already holds of it.
  PointState& open(Point point) {
    PointState& state = states_.emplace_back();
    state.point = std::move(point);
    state.parameters = std::make_shared<const core::Json>(state.point.parameters);
    state.memory = experiment_.memory_bytes(state.point.parameters);
    if (const auto known = store_->points.find(state.point.id); known != store_->points.end()) {
      for (const Record& record : known->second.all()) {
        if (options_.retry_failed && record.result.status == Status::failed) continue;
        see(state, record);
        ++outcome_.trials_found;
      }
      if (held_ == nullptr) store_->points.erase(known);
    }
    const auto stop = store_->stops.find(state.point.id);
    if (stop != store_->stops.end()) recorded_.emplace(stop->first, stop->second);
    return state;
  }

  void see(PointState& state, const Record& record) {
    if (record.result.status == Status::failed && state.a_failure.empty()) state.a_failure = failure_of(record).reason;
    state.seen[record.trial] = experiment_.observe(record);
  }

  void start_goals() {
    for (const Point& goal : points_) {
      const double operations = goal.operations * plan_.stop.max_trials;
      goals_.push_back({&goal, operations});
      total_operations_ += operations;
      left_operations_ += operations;
    }
    for (GoalState& goal : goals_) follow(goal);
  }

  // Takes operations off what a goal and the whole run may still need.
  void take_off(GoalState& goal, double operations) {
    const double taken = std::min(goal.left, operations);
    goal.left -= taken;
    left_operations_ -= taken;
  }

  // Lets a goal ask for the points it needs, until it waits for one or has what it needs.
  void follow(GoalState& goal) {
    const Answers answers = [&](const core::Json& parameters) -> std::optional<Answer> {
      const auto known = asked_.find(point_id_of(parameters));
      return known == asked_.end() ? std::nullopt : known->second->answer;
    };
    const auto next = planner_.next(goal.goal->parameters, answers);
    if (!next) {
      take_off(goal, goal.left);
      ++goals_done_;
      return;
    }
    const auto [place, fresh] = asked_.try_emplace(point_id_of(*next), nullptr);
    if (fresh) place->second = &open(make_point(experiment_, *next, plan_.seed));
    PointState& state = *place->second;
    state.waiting.push_back(&goal);
    if (!fresh) return;
    take_off(goal, state.point.operations * std::ssize(state.seen));
    advance(state);
  }

  std::string point_id_of(const core::Json& parameters) const {
    return point_id(identified(experiment_, parameters, plan_.seed));
  }

  // Looks at a point whose queued trials are all there: stops it or queues its next trials.
  void advance(PointState& state) {
    std::vector<Observation> seen;
    for (const auto& [trial, observation] : state.seen) {
      if (trial != std::ssize(seen)) break;
      seen.push_back(observation);
    }
    const Progress progress = look(experiment_, plan_.stop, state.point.id, seen);
    if (progress.stop) {
      ++points_done_;
      record(*progress.stop);
      state.answer = answer_from(plan_, std::span(seen).first(progress.stop->trials));
      for (GoalState* goal : std::exchange(state.waiting, {})) follow(*goal);
      return;
    }
    if (state.memory > memory_limit_) {  // another machine may have more
      ++outcome_.too_large;
      outcome_.largest_bytes = std::max(outcome_.largest_bytes, state.memory);
      outcome_.usable_bytes = memory_limit_;
      return;
    }
    state.first_queued = std::ssize(seen);
    for (std::int64_t trial = state.first_queued; trial < progress.needed; ++trial) {
      if (state.seen.contains(trial)) continue;
      queue_.push_back({&state, trial});
      ++state.missing;
    }
  }

  void record(Stop stop) {
    const auto known = recorded_.find(stop.point);
    if (known != recorded_.end()) {
      if (known->second.same_as(stop)) return;
      stop.revision = known->second.revision + 1;
    }
    writer_.append(stop);
    if (held_ != nullptr) store_->add(stop);
    recorded_[stop.point] = stop;
  }

  // The body of every thread.
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      Task task;
      bool found = false;
      wake_.wait_for(lock, std::chrono::milliseconds(50), [&] { return halted() || (found = take(task)) || idle(); });
      if (found) {
        lock.unlock();
        std::optional<Record> record;
        std::exception_ptr failure;
        try {
          record = measure(task);
        } catch (...) {
          failure = std::current_exception();
        }
        lock.lock();
        reserved_ -= task.state->memory;
        --running_;
        try {
          if (failure) std::rethrow_exception(failure);
          finish(task, std::move(*record));
        } catch (...) {
          if (!failure_) failure_ = std::current_exception();
        }
        wake_.notify_all();
      } else if (halted() || idle()) {
        return;
      }
    }
  }

  bool idle() const {
    return queue_.empty() && running_ == 0;
  }
  bool halted() {
    if (deadline_ != std::chrono::steady_clock::time_point{} && std::chrono::steady_clock::now() >= deadline_ &&
        !queue_.empty()) {
      outcome_.out_of_time = true;
    }
    return failure_ || caught_signal != 0 || outcome_.out_of_time;
  }

  // The first task that fits beside the running ones.
  bool take(Task& task) {
    for (auto candidate = queue_.begin(); candidate != queue_.end(); ++candidate) {
      const double memory = candidate->state->memory;
      if (running_ > 0 && reserved_ + memory > memory_limit_) continue;
      task = *candidate;
      queue_.erase(candidate);
      reserved_ += memory;
      ++running_;
      return true;
    }
    return false;
  }

  Record measure(const Task& task) const {
    const auto start = std::chrono::steady_clock::now();
    Record record;
    record.point = task.state->point.id;
    record.trial = task.trial;
    record.parameters = task.state->parameters;
    record.session = session_;
    try {
      record.result = experiment_.measure(*record.parameters, task.trial, {options_.bob, {}});
    } catch (const std::bad_alloc&) {
      throw core::MachineError("out of memory");
    } catch (const core::MachineError&) {
      throw;
    } catch (const core::UserError&) {
      throw;
    } catch (const std::exception& error) {
      record.result = failed(error.what());
    }
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return record;
  }

  void finish(const Task& task, Record record) {
    PointState& state = *task.state;
    const bool last_word = record.result.status == Status::infeasible;
    if (last_word) {  // the point's other trials would say the same
      const auto of_this_point = [&](const Task& other) { return other.state == &state; };
      const auto dropped = std::remove_if(queue_.begin(), queue_.end(), of_this_point);
      state.missing -= queue_.end() - dropped;
      queue_.erase(dropped, queue_.end());
    }
    // It is said once, by the first of them: how many threads were at work must not show.
    if (!last_word || task.trial == state.first_queued) {
      writer_.append(record);
      if (held_ != nullptr) store_->add(record);
      see(state, record);
      ++outcome_.trials_measured;
      failed_so_far_ += record.result.status == Status::failed;
      measured_operations_ += state.point.operations;
      for (GoalState* goal : state.waiting) take_off(*goal, state.point.operations);
    }
    if (--state.missing == 0) advance(state);
    progress_.show({measured_operations_, left_operations_, total_operations_, outcome_.trials_measured, goals_done_,
                    std::ssize(goals_), failed_so_far_, planner_.noun()});
  }

  const Plan& plan_;
  const Planner& planner_;
  const Experiment& experiment_;  // the one that measures
  const RunOptions& options_;
  Warn warn_;
  std::optional<Store>* held_;
  std::optional<Store> own_;
  std::optional<Store>& store_;  // *held_ or own_: what the directory holds, as far as somebody may ask for it
  std::vector<Point> points_;    // the goals of this shard
  StoreWriter writer_;
  ProgressLine progress_;
  double memory_limit_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<PointState> states_;
  std::deque<GoalState> goals_;
  std::map<std::string, PointState*> asked_;  // points that goals have asked for, by id
  std::deque<Task> queue_;
  std::map<std::string, Stop> recorded_;
  std::int64_t running_ = 0, points_done_ = 0, goals_done_ = 0, failed_so_far_ = 0;
  double reserved_ = 0, measured_operations_ = 0, left_operations_ = 0, total_operations_ = 0;
  std::exception_ptr failure_;
  std::chrono::steady_clock::time_point deadline_{};
  std::string session_;
  RunOutcome outcome_;
};

}  // namespace

RunOutcome run(const Plan& plan, const RunOptions& options, std::optional<Store>* held) {
  return Runner(plan, options, held).run();
}

}  // namespace kvfrontier::sweep
