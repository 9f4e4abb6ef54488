#pragma once
// The process every Bob is forked from. It is forked itself at the start of main, before any thread, config or instance
// exists, so that no global, cache or pointer of Alice's can be in a Bob's memory.

namespace kvfrontier::simulator {

class Zygote {
 public:
  // Forks the zygote. Call once, first thing in main, while the process has one thread. It ends when this process does.
  static void start();
  static bool started();

  // A fresh Bob: a connected stream socket to a process that was forked from the zygote for this one game and has no
  // other descriptor. Thread-safe. Throws GameError when the zygote is gone.
  static int fresh_bob();
};

}  // namespace kvfrontier::simulator
