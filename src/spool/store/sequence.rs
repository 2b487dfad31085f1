//! The numbers of conversations, by system.

use super::super::Sequence;
use super::{Result, Store};
use crate::job::SystemName;
use rusqlite::params;

impl Store {
    pub fn sequence(&self, system: &SystemName) -> Result<Sequence> {
        let row =
            self.one("SELECT taken, said FROM sequences WHERE system = ?1", [system.as_str()], |row| {
                Ok(Sequence { taken: row.get(0)?, said: row.get(1)? })
            })?;
        Ok(row.unwrap_or_default())
    }

    pub fn say_sequence(&mut self, system: &SystemName) -> Result<u32> {
        let sequence = self.sequence(system)?;
        let said = sequence.next();
        self.keep_sequence(system, Sequence { said, ..sequence })?;
        Ok(said)
    }

    pub fn unsay_sequence(&mut self, system: &SystemName, number: u32) -> Result<()> {
        let sequence = self.sequence(system)?;
        if sequence.said == number && number > sequence.taken {
            self.keep_sequence(system, Sequence { said: number - 1, ..sequence })?;
        }
        Ok(())
    }

    pub fn take_sequence(&mut self, system: &SystemName, number: u32) -> Result<()> {
        let sequence = self.sequence(system)?;
        self.keep_sequence(system, Sequence { taken: sequence.taken.max(number), ..sequence })
    }

    pub fn set_sequence(&mut self, system: &SystemName, number: u32) -> Result<()> {
        self.keep_sequence(system, Sequence { taken: number, said: number })
    }

    fn keep_sequence(&mut self, system: &SystemName, sequence: Sequence) -> Result<()> {
        self.run(
            "INSERT INTO sequences VALUES (?1, ?2, ?3)
                ON CONFLICT (system) DO UPDATE SET taken = excluded.taken, said = excluded.said",
            params![system.as_str(), sequence.taken, sequence.said],
        )?;
        Ok(())
    }
}
