import Foundation

extension Method {
  /// The method with its settings in words, as in `smoothgrad 20 samples, sigma 0.15, of ig 16 steps`.
  public var words: String { words(asTitle: false) }

  /// The same for captions, as in `Integrated Gradients, 128 steps`.
  public var title: String { words(asTitle: true) }

  private func words(asTitle isTitle: Bool) -> String {
    let type = type(of: rule)
    let name = isTitle ? type.title : type.name
    var words: [String] = []
    let parts = rule.settings.split(separator: ":").map(String.init)
    for (place, part) in parts.enumerated() {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else {
        words.append(part == "1" ? "1 \(type.countName)" : "\(part) \(type.countName)s")
        continue
      }
      // What a setting holds to the end of an item may hold colons.
      let rest = ([pair[1]] + parts[(place + 1)...]).joined(separator: ":")
      if pair[0] == "layer" {
        words.append("layer \(rest)")
        break
      }
      if pair[0] == "of" {
        words.append("of " + ((try? Method(rest))?.words(asTitle: isTitle) ?? rest))
        break
      }
      words.append(
        part == "quadrature=secant" ? Self.meanGradients : "\(pair[0]) \(Self.short(pair[1]))")
    }
    guard !words.isEmpty else { return name }
    return name + (isTitle ? ", " : " ") + words.joined(separator: ", ")
  }

  /// A rule of Integrated Gradients in words, as in `mean gradients` or `quadrature warped, power 2`.
  public static func words(ofRule rule: String) -> String {
    if rule == Integration.secant(1).ruleName { return meanGradients }
    guard case .warped(let power)? = Quadrature(rule) else { return "quadrature \(rule)" }
    return "quadrature warped, power \(short("\(power)"))"
  }

  private static let meanGradients = "mean gradients"

  /// A number without a fraction of zero; other text as it is.
  private static func short(_ text: String) -> String {
    text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

extension Baseline {
  /// The baseline in words for captions, as in `noise of seed 1`; of a file its name.
  public var title: String {
    switch self {
    case .zero, .black, .white, .mean, .blur: description
    case .noise(let seed): "noise of seed \(seed)"
    case .gaussian(let seed): "Gaussian noise of seed \(seed)"
    case .file(let path): URL(filePath: path).lastPathComponent
    }
  }
}
