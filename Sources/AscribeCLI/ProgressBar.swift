import Foundation

/// Progress on standard error: a bar with rate and time left on a terminal, a line now and then
/// elsewhere, nothing if the user wants quiet.
final class ProgressBar {
  private let title: String
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var lastDrawn: ContinuousClock.Instant?
  private var isOnScreen = false

  /// Seconds between two draws on a terminal, and between two lines elsewhere.
  private var interval: Duration { isTerminal ? .milliseconds(100) : .seconds(10) }

  init(_ title: String, isQuiet: Bool) {
    self.title = title
    self.isQuiet = isQuiet
  }

  /// Shows that a share of the work, so many steps where it has steps, is done.
  ///
  /// - Parameters:
  ///   - unit: what the steps are called.
  ///   - remarks: what else there is to say.
  func show(_ share: Double, steps: Double?, unit: String = "steps", _ remarks: String...) {
    guard !isQuiet else { return }
    let now = ContinuousClock.now
    guard now - (lastDrawn ?? start) >= interval else { return }
    lastDrawn = now
    let elapsed = (now - start) / .seconds(1)
    let left = share > 0 ? elapsed / share - elapsed : .infinity
    let percent = String(format: "%3.0f %%", 100 * share)
    var rest: [String] = []
    if let steps, elapsed > 0 { rest.append(String(format: "%.3g \(unit)/s", steps / elapsed)) }
    if left.isFinite { rest.append("\(Self.time(left)) left") }
    let facts = (rest + remarks).joined(separator: ", ")
    if isTerminal {
      let filled = Int(30 * share)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
      Console.error("\r\u{1B}[K\(title) \(bar) \(percent)  \(facts)")
      isOnScreen = true
    } else {
      Console.error("\(title): \(percent), \(facts)\n")
    }
  }

  /// Takes the bar off the screen.
  func finish() {
    if isOnScreen { Console.error("\r\u{1B}[K") }
    isOnScreen = false
  }

  private static func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    return whole < 100
      ? "\(whole) s"
      : whole < 6000
        ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
