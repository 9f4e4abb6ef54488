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
#include <utility>

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

struct SearchState {
  const Point* search = nullptr;
  double left = 0;  // declared operations it may still take
};

struct PointState {
  Point point;
  Parameters parameters;              // the point's, for its rows
  std::vector<SearchState*> waiting;  // searches that go on when it has stopped
  std::map<std::int64_t, Row> rows;   // found and measured
  std::int64_t first_queued = 0;      // least trial of those last queued
  std::size_t missing = 0;            // queued trials not yet there
  std::int64_t left = 0;              // trials it may still take
  double memory = 0;
  std::optional<core::Interval> interval;  // once it is done, for searches
  bool done = false;
};

struct Task {
  PointState* state = nullptr;
  std::int64_t trial = 0;
};

std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g GB", bytes / 1e9);
  return text;
}

class Runner {
 public:
  Runner(const Plan& plan, const RunOptions& options)
      : plan_(plan),
        planner_(dynamic_cast<const Planner*>(plan.experiment)),
        experiment_(measured_by(plan)),
        options_(options),
        warn_([](const std::string& text) { std::fprintf(stderr, "kvfrontier: warning: %s\n", text.c_str()); }),
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
    store_ = read_store(options_.out, warn_);
    if (planner_ != nullptr) {
      start_searches();
    } else {
      for (const Point& point : points_) open(point);
      store_ = {};
      for (PointState& state : states_) advance(state);
    }
    const core::Json session = make_session(plan_.config, options_.threads, options_.bob.isolation);
    session_ = session["session"];
    if (!queue_.empty()) writer_.append_session(session);
#pragma omp parallel num_threads(options_.threads.count)
    work();
    progress_.clear();
    if (failure_) std::rethrow_exception(failure_);

    RunOutcome outcome = outcome_;
    outcome.points = states_.size();
    outcome.points_done = points_done_;
    outcome.searches = searches_.size();
    outcome.searches_done = searches_done_;
    for (const PointState& state : states_) {
      for (const auto& [trial, row] : state.rows) {
        if (row.result.status == "failed" && outcome.failed++ == 0)
          outcome.a_failure = row.result.data.value("reason", "no reason is stored");
        outcome.uncertified += row.result.status == "uncertified";
        outcome.infeasible += row.result.status == "infeasible";
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
    const auto known = store_.points.find(state.point.id);
    if (known != store_.points.end()) {
      for (Row& row : known->second.all()) {
        if (options_.retry_failed && row.result.status == "failed") continue;
        state.rows.emplace(row.trial, std::move(row));
        ++outcome_.trials_found;
      }
    }
    state.left = std::max<std::int64_t>(0, plan_.stop.max_trials - static_cast<std::int64_t>(state.rows.size()));
    if (planner_ == nullptr) {
      total_operations_ += state.point.operations * static_cast<double>(plan_.stop.max_trials);
      left_operations_ += state.point.operations * static_cast<double>(state.left);
    }
    const auto stop = store_.stops.find(state.point.id);
    if (stop != store_.stops.end()) recorded_.emplace(stop->first, stop->second);
    return state;
  }

  void start_searches() {
    for (const Point& search : points_) {
      const double operations = search.operations * static_cast<double>(plan_.stop.max_trials);
      searches_.push_back({&search, operations});
      total_operations_ += operations;
      left_operations_ += operations;
    }
    for (SearchState& search : searches_) follow(search);
  }

  // Lets a search ask for the points it needs, until it waits for one or has its answer.
  void follow(SearchState& search) {
    const core::Json& parameters = search.search->parameters;
    const double target = planner_->target(parameters);
    const auto met = [&](const core::Json& probe) -> std::optional<bool> {
      const auto known = probes_.find(point_id_of(probe));
      if (known == probes_.end() || !known->second->done) return std::nullopt;
      return known->second->interval && known->second->interval->hi <= target;
    };
    const auto probe = planner_->next(parameters, met);
    if (!probe) {
      left_operations_ -= search.left;
      search.left = 0;
      ++searches_done_;
      return;
    }
    const auto [place, fresh] = probes_.try_emplace(point_id_of(*probe), nullptr);
    if (fresh) place->second = &open(make_point(experiment_, *probe, plan_.seed));
    PointState& state = *place->second;
    state.waiting.push_back(&search);
    if (fresh) advance(state);
  }

  std::string point_id_of(const core::Json& probe) const {
    return point_id(identified(experiment_, probe, plan_.seed));
  }

  // Looks at a point whose queued trials are all there: stops it or queues its next trials.
  void advance(PointState& state) {
    std::vector<Row> rows;
    for (const auto& [trial, row] : state.rows) {
      if (trial != static_cast<std::int64_t>(rows.size())) break;
      rows.push_back(row);
    }
    const Progress progress = look(experiment_, plan_.stop, rows);
    if (progress.stop) {
      state.done = true;
      ++points_done_;
      if (planner_ == nullptr) left_operations_ -= state.point.operations * static_cast<double>(state.left);
      state.left = 0;
      record(*progress.stop);
      rows.resize(static_cast<std::size_t>(progress.stop->trials));
      if (planner_ != nullptr) state.interval = interval_of(experiment_, rows, plan_.stop.look_level());
      for (SearchState* search : std::exchange(state.waiting, {})) follow(*search);
      return;
    }
    state.first_queued = static_cast<std::int64_t>(rows.size());
    for (std::int64_t trial = static_cast<std::int64_t>(rows.size()); trial < progress.needed; ++trial) {
      if (state.rows.count(trial) > 0) continue;
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
        Row row = measure(task);
        lock.lock();
        if (!never_fits(*task.state)) reserved_ -= task.state->memory;
        --running_;
        try {
          finish(task, std::move(row));
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

  bool never_fits(const PointState& state) const {
    return state.memory > memory_limit_;
  }

  // The first task that fits beside the running ones. A task that can never fit is taken too, and fails.
  bool take(Task& task) {
    for (auto candidate = queue_.begin(); candidate != queue_.end(); ++candidate) {
      const double memory = never_fits(*candidate->state) ? 0 : candidate->state->memory;
      if (running_ > 0 && reserved_ + memory > memory_limit_) continue;
      task = *candidate;
      queue_.erase(candidate);
      reserved_ += memory;
      ++running_;
      return true;
    }
    return false;
  }

  Row measure(const Task& task) const {
    const auto start = std::chrono::steady_clock::now();
    Row row;
    row.point = task.state->point.id;
    row.trial = task.trial;
    row.parameters = task.state->parameters;
    row.session = session_;
    if (never_fits(*task.state)) {
      row.result = {"failed",
                    {{"reason", "needs about " + gigabytes(task.state->memory) + " of memory where " +
                                    gigabytes(memory_limit_) + " may be used"},
                     {"point_failed", true}}};
    } else {
      try {
        row.result = experiment_.measure(*row.parameters, static_cast<std::uint64_t>(task.trial), {options_.bob, {}});
      } catch (const std::bad_alloc&) {
        row.result = {"failed", {{"reason", "out of memory"}}};
      } catch (const std::exception& error) {
        row.result = {"failed", {{"reason", error.what()}}};
      }
    }
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return row;
  }

  void finish(const Task& task, Row row) {
    PointState& state = *task.state;
    const bool last_word = row.result.status == "infeasible" || row.result.data.value("point_failed", false);
    if (last_word) {  // the point's other trials would say the same
      const auto of_this_point = [&](const Task& other) { return other.state == &state; };
      const auto dropped = std::remove_if(queue_.begin(), queue_.end(), of_this_point);
      state.missing -= static_cast<std::size_t>(queue_.end() - dropped);
      queue_.erase(dropped, queue_.end());
    }
    // It is said once, by the first of them: how many threads were at work must not show.
    if (!last_word || task.trial == state.first_queued) {
      writer_.append(row);
      ++outcome_.trials_measured;
      failed_so_far_ += row.result.status == "failed";
      measured_operations_ += state.point.operations;
      if (state.left > 0) {
        --state.left;
        if (planner_ == nullptr) left_operations_ -= state.point.operations;
      }
      for (SearchState* search : state.waiting) {
        const double taken = std::min(search->left, state.point.operations);
        search->left -= taken;
        left_operations_ -= taken;
      }
      state.rows[task.trial] = std::move(row);
    }
    if (--state.missing == 0) advance(state);
    const bool searching = planner_ != nullptr;
    progress_.show({measured_operations_, left_operations_, total_operations_, outcome_.trials_measured,
                    searching ? searches_done_ : points_done_, searching ? searches_.size() : states_.size(),
                    failed_so_far_, searching ? "searches" : "points"});
  }

  const Plan& plan_;
  const Planner* planner_;
  const Experiment& experiment_;  // the one that measures
  const RunOptions& options_;
  Warn warn_;
  std::vector<Point> points_;  // or searches
  StoreWriter writer_;
  ProgressLine progress_;
  double memory_limit_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Store store_;
  std::deque<PointState> states_;
  std::deque<SearchState> searches_;
  std::map<std::string, PointState*> probes_;  // points that searches have asked for, by id
  std::deque<Task> queue_;
  std::map<std::string, Stop> recorded_;
  std::size_t running_ = 0, points_done_ = 0, searches_done_ = 0, failed_so_far_ = 0;
  double reserved_ = 0, measured_operations_ = 0, left_operations_ = 0, total_operations_ = 0;
  std::exception_ptr failure_;
  std::chrono::steady_clock::time_point deadline_{};
  std::string session_;
  RunOutcome outcome_;
};

}  // namespace

RunOutcome run(const Plan& plan, const RunOptions& options) {
  return Runner(plan, options).run();
}

}  // namespace kvfrontier::sweep
