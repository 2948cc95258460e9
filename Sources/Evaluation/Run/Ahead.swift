import Dispatch
import Synchronization

/// Makes elements on other threads, one ahead of whoever takes them.
final class Ahead<Element: Sendable> {
  private let count: Int
  private let make: @Sendable (Int) -> Element
  private let queue = DispatchQueue(label: "ahead")
  private var started = 0
  private var pending: Pending<Element>?

  /// - Parameters:
  ///   - count: how many elements there are.
  ///   - make: makes the element of a number.
  init(count: Int, make: @escaping @Sendable (Int) -> Element) {
    self.count = count
    self.make = make
    start()
  }

  /// The next element, or nil behind the last.
  func next() -> Element? {
    guard let element = pending?.wait() else { return nil }
    pending = nil
    start()
    return element
  }

  private func start() {
    guard started < count else { return }
    let (number, make, pending) = (started, make, Pending<Element>())
    queue.async { pending.finish(make(number)) }
    self.pending = pending
    started += 1
  }
}

/// An element that another thread makes.
private final class Pending<Element: Sendable>: Sendable {
  private let element = Mutex<Element?>(nil)
  private let isDone = DispatchSemaphore(value: 0)

  func finish(_ element: Element) {
    self.element.withLock { $0 = element }
    isDone.signal()
  }

  func wait() -> Element? {
    isDone.wait()
    return element.withLock(\.self)
  }
}
