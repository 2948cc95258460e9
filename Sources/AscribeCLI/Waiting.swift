import Glibc

/// How threads wait for each other between kernels.
enum Waiting {
  private static let count = "GOMP_SPINCOUNT"
  private static let policy = "OMP_WAIT_POLICY"

  /// Starts the program anew with a bound on how long a thread spins, unless the user has set one.
  ///
  /// GNU OpenMP lets a thread that waits spin for milliseconds. Beside another busy process it takes
  /// the processor from the very thread that it waits for, and a model runs many times slower than on
  /// one thread. It reads its settings before `main`, so they have to be there before.
  static func boundSpinning() {
    guard getenv(count) == nil, getenv(policy) == nil, setenv(count, "2000", 0) == 0 else { return }
    // By its own path, which is the name that lists of processes show.
    guard let path = realpath("/proc/self/exe", nil) else { return }
    execv(path, CommandLine.unsafeArgv)
    free(path)
  }
}
