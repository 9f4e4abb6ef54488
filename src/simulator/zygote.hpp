#pragma once
// The process every Bob is forked from. It is forked itself at the start of main, before any thread, config or instance
// exists, so that no global, cache or pointer of Alice's can be in a Bob's memory.

#include <sys/types.h>

namespace kvfrontier::simulator {

// A process of one game, a child of this one, at the other end of a connected stream socket. Whoever holds it hands it
// back to one of part_from, end and was_killed of the zygote.
struct FreshBob {
  int socket = -1;
  pid_t pid = 0;
};

class Zygote {
 public:
  // Forks the zygote. Call once, first thing in main, while the process has one thread; in a process that was itself
  // started as a zygote it does not return. Throws MachineError.
  static void start();
  // Does not return in a process that was started as a zygote, and does nothing in all others. For programs that call
  // start() late or never.
  static void serve_if_asked();
  static bool started();
  // Ends the zygote and waits for it. No game may be under way.
  static void stop();

  // A Bob that was forked from the zygote for this one game and has no descriptor but his end of the socket.
  // Thread-safe. A zygote that has died is started again once, by running this program anew, which knows no instance
  // either. Throws MachineError when it dies again, does not answer, or can fork no process.
  static FreshBob fresh_bob();
  // He has answered in full and ends by himself.
  static void part_from(const FreshBob& bob);
  // Kills him.
  static void end(const FreshBob& bob);
  // For one who has closed his line: whether SIGKILL ended him.
  static bool was_killed(const FreshBob& bob);
};

}  // namespace kvfrontier::simulator
