import Foundation

/// Random numbers of one distribution: their mean and how sure it is.
struct Scatter {
  let count: Int
  let mean: Double
  /// The standard error of the mean.
  let error: Double

  init(_ numbers: [Double]) {
    count = numbers.count
    let mean = numbers.reduce(0, +) / Double(max(count, 1))
    let squares = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.mean = mean
    error = (squares / Double(max(count - 1, 1)) / Double(max(count, 1))).squareRoot()
  }

  /// Whether the mean may be 0, and is known well enough beside `scale` to say so.
  func agreesWithZero(beside scale: Double) -> Bool {
    abs(mean) <= 3.5 * error && error <= 0.25 * abs(scale)
  }

  /// The mean of `quantity` and how sure it is.
  func text(of quantity: String) -> String {
    "over \(count) maps \(quantity) is \(String(format: "%.2g ± %.2g", mean, error)) on average"
  }
}

/// What axioms share.
enum Axioms {
  /// A number as counter-examples say it.
  static func text(_ number: Double) -> String {
    number.isNaN ? "nan" : String(format: "%.4g", number == 0 ? 0 : number)
  }

  /// How far `a` is from `b`: the Euclidean distance beside the larger length, and the element that differs
  /// most.
  static func distance(_ a: [Double], _ b: [Double]) -> (relative: Double, worst: Int) {
    var (difference, first, second, worst, largest) = (0.0, 0.0, 0.0, 0, -1.0)
    for (index, (x, y)) in zip(a, b).enumerated() {
      difference += (x - y) * (x - y)
      first += x * x
      second += y * y
      if abs(x - y) > largest { (largest, worst) = (abs(x - y), index) }
    }
    let scale = max(first, second).squareRoot()
    return (difference == 0 ? 0 : difference.squareRoot() / scale, worst)
  }
}
