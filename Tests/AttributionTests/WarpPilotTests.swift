import Attribution
import Foundation
import Testing

/// The pilot on scores whose bends are known.
@Suite struct WarpPilotTests {
  /// Scores that bend once each, at equally spaced places, so that midpoints of `power` are best: there
  /// the squared change of slope per unit of the path is the cube of their density.
  private func scores(power: Double, bends: Int = 2000) -> [[Double]] {
    WarpPilot.positions.map { position in
      (0..<bends).map { number in
        let bend = (Double(number) + 0.5) / Double(bends)
        return pow(bend, 1.5 * (1 / power - 1)) * max(position - bend, 0)
      }
    }
  }

  @Test(arguments: [1, 1.5])
  func thePowerOfLeastErrorIsFound(power: Double) {
    #expect(WarpPilot(scores(power: power)).power == power)
  }

  /// Seven scores do not see all of the steepest densities.
  @Test func steepDensitiesGiveHighPowers() {
    #expect(WarpPilot(scores(power: 4)).power >= 2)
  }

  @Test func oneBendIsPutWherePointsAreDense() {
    func power(bend: Double) -> Double {
      WarpPilot(WarpPilot.positions.map { [max($0 - bend, 0)] }).power
    }
    #expect(power(bend: 0.01) == 3)
    #expect(power(bend: 0.7) == 1)
  }

  @Test func theFirstPowerServesStraightLines() {
    #expect(WarpPilot(WarpPilot.positions.map { [3 * $0 + 1, 0] }).power == 1)
  }

  @Test(arguments: [Double.nan, .infinity])
  func scoresThatAreNotFiniteChooseNothing(score: Double) {
    #expect(WarpPilot(WarpPilot.positions.map { _ in [score] }).power == Quadrature.defaultPower)
  }
}
