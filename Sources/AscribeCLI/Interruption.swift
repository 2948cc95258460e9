import Ascribe
import Foundation
import Synchronization

/// SIGINT and SIGTERM: remove half-written files and end with exit code 130.
enum Interruption {
  static let exitCode: Int32 = 130

  /// What to do after an interruption, where that is more than starting again.
  static var advice: String? {
    get { storedAdvice.withLock(\.self) }
    set { storedAdvice.withLock { $0 = newValue } }
  }

  /// Whether a signal came while a work was going on that ends at a good moment by itself.
  static var isRequested: Bool {
    wish.withLock { if case .requested = $0 { true } else { false } }
  }

  /// Lets a first signal only ask the work to end; a second one ends the program.
  static func waitForGoodMoment() { wish.withLock { $0 = .possible } }

  private enum Wish: Equatable { case none, possible, requested(ContinuousClock.Instant) }

  private static let wish = Mutex(Wish.none)

  /// Signals that come so soon after a first one are the same wish: schedulers send several.
  private static let pause = Duration.seconds(1)

  /// What a signal means now: whether it is news that the work should end, or to be ignored, or neither.
  private static func receive() -> (isNews: Bool, isIgnored: Bool) {
    wish.withLock { wish in
      switch wish {
      case .none: return (false, false)
      case .possible:
        wish = .requested(.now)
        return (true, false)
      case .requested(let time): return (false, .now - time < pause)
      }
    }
  }
  private static let storedAdvice = Mutex<String?>(nil)
  private static let signals = [SIGINT, SIGTERM]
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  /// Starts to listen. Called once, before anything else.
  static func install() {
    // A file that grows beyond the user's limit is an error like others.
    signal(SIGXFSZ, SIG_IGN)
    for number in signals {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        let (isNews, isIgnored) = receive()
        guard !isIgnored else { return }
        guard !isNews else {
          return Console.note("\nstopping after the current sample; once more to stop at once")
        }
        OutputFile.abandon {
          // A progress bar or ^C may stand on the line.
          if isatty(STDERR_FILENO) == 1 { Console.error("\r\u{1B}[K") }
          Console.note(advice.map { "interrupted; \($0)" } ?? "interrupted")
          _exit(exitCode)
        }
      }
      source.resume()
      sources.append(source)
    }
  }
}
