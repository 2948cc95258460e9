import Ascribe
import Glibc

/// The threads of GNU OpenMP, which reads its settings before `main`.
enum Threads {
  private static let number = "OMP_NUM_THREADS"
  private static let count = "GOMP_SPINCOUNT"
  private static let policy = "OMP_WAIT_POLICY"

  /// Of several thousand OpenMP starts none, or takes minutes.
  private static let most = 1024

  /// Starts the program anew with a bound on how long a thread spins, unless the user has set one.
  ///
  /// GNU OpenMP lets a thread that waits spin for milliseconds. Beside another busy process it takes
  /// the processor from the very thread that it waits for, and a model runs many times slower than on
  /// one thread.
  static func boundSpinning() {
    guard getenv(count) == nil, getenv(policy) == nil, setenv(count, "2000", 0) == 0 else { return }
    // By its own path, which is the name that lists of processes show.
    guard let path = realpath("/proc/self/exe", nil) else { return }
    execv(path, CommandLine.unsafeArgv)
    free(path)
  }

  /// - Throws: `ModelError` if the user asks for more threads than can be started.
  static func checkNumber() throws {
    guard let text = getenv(number).map({ String(cString: $0) }),
      let first = text.split(separator: ",").first,
      let wanted = Int(first.filter { !$0.isWhitespace }), wanted > most
    else { return }
    throw ModelError(
      "\(number) is \(wanted), at most \(most) are possible; this machine has "
        + "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors", kind: .usage)
  }
}
