/// What an input is compared with.
public enum Baseline: Sendable, Hashable {
  /// The zero tensor of the model's input space: the mean colour under most preprocessings.
  case zero
  /// Black pixels.
  case black
  /// White pixels.
  case white
  /// The mean of each channel of the input.
  case mean
  /// The input, blurred until no shape is left.
  case blur
  /// Uniform noise over the range of the input's elements, the same for the same seed.
  case noise(seed: UInt64)
  /// Normal noise with the mean and the standard deviation of the input's elements, the same for the same
  /// seed.
  case gaussian(seed: UInt64)
  /// A picture or tensor in a file, or a folder of some.
  case file(String)
}

extension Baseline: CustomStringConvertible {
  /// The name on the command line.
  public var description: String {
    switch self {
    case .zero: "zero"
    case .black: "black"
    case .white: "white"
    case .mean: "mean"
    case .blur: "blur"
    case .noise(let seed): "noise:\(seed)"
    case .gaussian(let seed): "gaussian:\(seed)"
    case .file(let path): path
    }
  }

  /// The names that a seed follows.
  private static let seeded: Set = ["noise", "gaussian"]

  /// The baselines that are no files, as the command line names them.
  package static let names = [
    "zero", "black", "white", "mean", "blur", "noise:SEED", "gaussian:SEED",
  ]

  /// The baseline with this name; anything else is a file. Nil for `noise` and `gaussian` without a seed.
  public init?(_ name: String) {
    switch name {
    case "zero": self = .zero
    case "black": self = .black
    case "white": self = .white
    case "mean": self = .mean
    case "blur": self = .blur
    default:
      let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard Self.seeded.contains(String(parts[0])) else {
        self = .file(name)
        return
      }
      guard parts.count == 2, let seed = UInt64(parts[1]) else { return nil }
      self = parts[0] == "noise" ? .noise(seed: seed) : .gaussian(seed: seed)
    }
  }
}
